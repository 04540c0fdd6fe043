"""Real servers, each with faults, cured by the snippet that the addon writes for it, in a real browser."""
