"""An SVG picture as PNG, without any program of the system, and with its own font, so that it looks alike everywhere."""

_SCALE = 2.0  # pixels for each unit of the drawing: sharp on a slide
_MOST_PIXELS = 60e6


def png(svg: str) -> bytes:
    """The bytes of a PNG file that shows ``svg`` at twice its size, or smaller if that were too large to open.

    Raises:
        ImportError: the extra ``[png]`` is not installed.
    """
    from xml.etree import ElementTree

    try:
        import resvg_py
        import ttf_opensans
    except ImportError as missing:
        raise ImportError(
            f'a PNG picture needs the package {missing.name}: pip install "stepgrad[png]"; or save as .svg, which needs nothing'
        ) from missing
    # Where the machine has no fonts, as in many containers, resvg would leave out all text and say nothing.
    fonts = [str(font.path) for font in (ttf_opensans.OPENSANS_REGULAR, ttf_opensans.OPENSANS_BOLD)]
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    scale = min(_SCALE, (_MOST_PIXELS / (width * height)) ** 0.5)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=scale,
            dpi=96.0,  # Graphviz measures in points
            font_files=fonts,
            sans_serif_family="Open Sans",
            serif_family="Open Sans",  # that of Graphviz
        )
    )
