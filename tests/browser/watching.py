"""What a page must not do."""

LOCAL = ("file:", "data:", "blob:", "about:")


def watched(page, local=LOCAL, ours=lambda message: True):
    """A list to which is added whatever the page does that it must not: complain, fail, open a dialog, load what is not local.

    ``ours`` says whose complaints count, where there are scripts of others in the page.
    """
    seen = []

    def dialog(opened):
        seen.append(f"dialog: {opened.message}")
        opened.dismiss()

    page.on("console", lambda m: m.type in ("error", "warning") and ours(m) and seen.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda error: seen.append(f"page error: {error}"))
    page.on("request", lambda request: request.url.startswith(local) or seen.append(f"request: {request.url}"))
    page.on("dialog", dialog)
    return seen
