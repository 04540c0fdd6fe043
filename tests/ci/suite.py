"""A suite of end-to-end tests as a user may have one: usage: suite.py PROXY PAGE BROWSER [--route]

It passes although the page's request is blocked, since the page copes with that.
"""

import sys

from playwright.sync_api import expect, sync_playwright

proxy, url, program, *rest = sys.argv[1:]
expect.set_options(timeout=60_000)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], proxy={"server": proxy})
    context = browser.new_context(ignore_https_errors=True)
    if "--route" in rest:
        context.route("**/*", lambda route: route.continue_())
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("saved" if "--route" in rest else "kept for later")
    browser.close()
