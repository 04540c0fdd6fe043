"""Saved traffic: flow files and HARs to exchanges, judged without a proxy."""
