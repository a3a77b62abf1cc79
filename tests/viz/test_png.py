"""PNG without a program of the system."""

import shutil
import struct
import sys

import pytest

from autograd import Value
from viz import draw


def drawing():
    x = Value(2.0, label="x")
    return draw(x * x)


@pytest.mark.parametrize("package", ["resvg_py", "ttf_opensans"])
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, tmp_path, package):
    if package == "ttf_opensans":
        pytest.importorskip("resvg_py")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'package {package}: pip install "stepgrad\[png\]"'):
        drawing().save(tmp_path / "graph.png")
    assert list(tmp_path.iterdir()) == []


class TestWithTheExtra:
    @pytest.fixture(autouse=True)
    def extra(self):
        pytest.importorskip("resvg_py")
        pytest.importorskip("ttf_opensans")

    def test_a_png_is_twice_the_size_of_the_drawing(self, tmp_path):
        drawing().save(tmp_path / "graph.png")
        content = (tmp_path / "graph.png").read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", content[16:24])
        assert f'width="{width // 2}" height="{height // 2}"' in drawing().svg

    @pytest.mark.parametrize("engine", ["auto", "dot"])
    def test_text_does_not_vanish_where_the_machine_has_no_fonts(self, monkeypatch, engine):
        if engine == "dot" and not shutil.which("dot"):
            pytest.skip("Graphviz is not installed")
        x = Value(2.0, label="x")
        picture = draw(x * x, engine=engine)
        import resvg_py

        render = resvg_py.svg_to_bytes
        monkeypatch.setattr(resvg_py, "svg_to_bytes", lambda **options: render(skip_system_fonts=True, **options))
        with_text = picture.to_png()
        monkeypatch.setattr(
            resvg_py,
            "svg_to_bytes",
            lambda **options: render(svg_string=options["svg_string"], zoom=2.0, dpi=96.0, skip_system_fonts=True),
        )
        without_text = picture.to_png()
        assert len(with_text) > len(without_text) + 1_000

    def test_a_huge_drawing_is_made_smaller(self, monkeypatch):
        monkeypatch.setattr("viz.png._MOST_PIXELS", 10_000.0)
        width, height = struct.unpack(">II", drawing().to_png()[16:24])
        assert 9_000 < width * height < 10_500

    def test_the_picture_of_graphviz_can_be_saved_too(self):
        if not shutil.which("dot"):
            pytest.skip("Graphviz is not installed")
        x = Value(2.0, label="x")
        width, height = struct.unpack(">II", draw(x * x, engine="dot").to_png()[16:24])
        assert min(width, height) > 50
