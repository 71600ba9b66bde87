"""Reading what nobody would write: no text raises, and the same text gives the same facts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from script_facts import CORPUS, sections

from hyperdrive_retrofit.script import ScriptFacts, read_script

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = (
    *("sys.argv", "argv", "[", "]", "(", ")", "{", "}", ":", ",", "=", ".", "*", "**", "->", "@", "\n", "\n    ", "|"),
    *("import sys", "import typer", "import fire", "import hydra", "from absl import app, flags", "import argparse"),
    *("def f", "class A", "return", "if", "else", "for x in", "while", "lambda x", "try", "except", "with", "del"),
    *(
        "typer.Typer()",
        "typer.Option",
        "typer.run",
        "fire.Fire",
        "flags.DEFINE_float",
        "FLAGS",
        "app.run",
        "hydra.main",
    ),
    *("parser", "add_argument", "parse_args()", "args", "cfg", "merge_from_list", "Annotated", "Optional", "Literal"),
    *("'--lr'", "'lr'", "0.1", "1", "-1", "None", "True", "...", "f'{x}'", "x", "A", "f", "self", "len", "open", "1:"),
)


def read(folder: Path, content: bytes) -> ScriptFacts:
    """Read a script twice; both times it must say the same."""
    (folder / "train.py").write_bytes(content)
    first = read_script(folder, "train.py")
    assert first == read_script(folder, "train.py")
    return first


@cache
def corpus() -> tuple[tuple[str, ...], ...]:
    """Give the lines of every script of the corpus."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.txt"))]
    return tuple(tuple(next(iter(sections(text).values())).splitlines()) for text in texts)


class TestTexts:
    @SETTINGS
    @given(text=st.text(max_size=300))
    def test_any_text(self, text, tmp_path):
        """No text raises."""
        read(tmp_path, text.encode("utf-8", "surrogatepass"))

    @SETTINGS
    @given(words=st.lists(st.sampled_from(WORDS), max_size=40))
    def test_token_soup(self, words, tmp_path):
        """No soup of the words that matter raises."""
        read(tmp_path, " ".join(words).encode())

    @SETTINGS
    @given(expressions=st.lists(st.lists(st.sampled_from(WORDS), max_size=6), max_size=6))
    def test_soup_that_compiles(self, expressions, tmp_path):
        """No program of such statements raises."""
        head = "import sys, typer, fire, hydra, argparse\nfrom absl import app, flags\nx = f = A = args = cfg = sys\n"
        lines = [" ".join(words).replace("\n", "") for words in expressions]
        read(tmp_path, (head + "\n".join(line for line in lines if _compiles(line))).encode())


class TestMutations:
    @SETTINGS
    @given(data=st.data())
    def test_spliced(self, data, tmp_path):
        """No script put together from the halves of two others raises."""
        first, second = (data.draw(st.sampled_from(corpus())) for _ in range(2))
        cut, start = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
        read(tmp_path, "\n".join([*first[:cut], *second[start:]]).encode())

    @SETTINGS
    @given(data=st.data())
    def test_shuffled_blocks(self, data, tmp_path):
        """No script raises whose top-level blocks stand in another order."""
        text = "\n".join(data.draw(st.sampled_from(corpus())))
        blocks = re.split(r"\n(?=[^\s)\]}])", text)
        read(tmp_path, "\n".join(data.draw(st.permutations(blocks))).encode())

    @SETTINGS
    @given(data=st.data())
    def test_swapped_words(self, data, tmp_path):
        """No script raises with a word of it replaced by another."""
        lines = data.draw(st.sampled_from(corpus()))
        parts = re.split(r"(\w+)", "\n".join(lines))
        for _ in range(data.draw(st.integers(1, 4))):
            parts[data.draw(st.integers(0, len(parts) - 1))] = data.draw(st.sampled_from(WORDS))
        read(tmp_path, "".join(parts).encode())

    @SETTINGS
    @given(data=st.data())
    def test_changed_bytes(self, data, tmp_path):
        """No script raises with bytes of it changed: null bytes, latin-1, half a character."""
        content = bytearray("\n".join(data.draw(st.sampled_from(corpus()))).encode() + b"\n")
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.sampled_from((0, 9, 10, 13, 40, 233)))
        read(tmp_path, bytes(content))


def _nested(head: str, body: str, depth: int) -> str:
    return "".join("  " * level + head + "\n" for level in range(depth)) + "  " * depth + body + "\n"


LARGE = {
    "one_line_of_100_kb": "x = [" + "1, " * 33_000 + "]\n",
    "one_text_of_100_kb": "x = '" + "a" * 100_000 + "'\n",
    "one_call_of_10000_arguments": "print(" + ", ".join(f"a{n}" for n in range(10_000)) + ")\n",
    "huge_dict": "x = {" + ", ".join(f"'k{n}': {{'a': [{n}]}}" for n in range(8_000)) + "}\nx['k1']['a']\n",
    "huge_dict_in_a_loop": "x = {" + ", ".join(f"{n}: {n}" for n in range(500)) + "}\nfor k in x:\n    print(x[k])\n",
    "nested_loops": _nested("for x in y:", "print(x)", 60),
    "nested_functions": _nested("def f():", "f()", 60) + "f()\n",
    "nested_classes": _nested("class A:", "x = 1", 60),
    "nested_calls": "x = " + "f(" * 90 + ")" * 90 + "\n",
    "nested_attributes": "x = a" + ".b" * 900 + "\n",
    "nested_unions": "import typer\ndef f(x: " + " | ".join(["int"] * 500) + " = 1): pass\ntyper.run(f)\n",
    "quoted_annotation": "import typer\ndef f(x: '" + "(" * 300 + "'): pass\ntyper.run(f)\n",
    "calls_itself_by_fire": "import fire\ndef f(x):\n    fire.Fire(f)\nfire.Fire(f)\n",
    "fire_of_a_dict_in_itself": "import fire\nx = {}\nx['x'] = x\nfire.Fire(x)\n",
    "fire_makes_itself": "import fire\nclass A:\n    def a(self):\n        return A()\nfire.Fire(A())\n",
    "typer_app_in_itself": "import typer\na = typer.Typer()\na.add_typer(a, name='a')\na()\n",
    "main_of_hydra_in_itself": "import hydra\n@hydra.main()\ndef main(cfg):\n    main()\nmain()\n",
    "deep_configuration": "import hydra\n@hydra.main()\ndef main(c):\n    while c:\n        c = c.a\nmain()\n",
    "words_far_away": "import sys\nprint(sys.argv[10 ** 9], sys.argv[999999999], sys.argv[1:999999999])\n",
    "words_of_odd_kinds": "import sys\nprint(sys.argv[True], sys.argv[-1], sys.argv[::2], sys.argv['a'], sys.argv[1][2])\n",
    "path_doubled_by_branches": "import os, sys\nx = sys.argv[1]\n"
    + "".join(f"if {n}:\n    x = os.path.join(x, '{n}')\n" for n in range(60)),
    "base_doubled_by_branches": "import os\nx = 'a'\n"
    + "".join(f"if {n}:\n    x = os.path.join(x, '{n}')\n" for n in range(60)),
    "division_doubled_by_branches": "import sys\nfrom pathlib import Path\nx = Path(sys.argv[1])\n"
    + "".join(f"if {n}:\n    x = x / '{n}'\n" for n in range(60)),
    "text_doubled": "s = 'ab'\n" + "s = s + s\n" * 60,
    "path_doubled": "import os\ns = 'ab'\n" + "s = os.path.join(s, s)\n" * 60,
    "annotations_of_nothing": "import typer\nfrom typing import *\ndef f(a: List[()], b: Tuple[()], c: Literal[()]): pass\ntyper.run(f)\n",
}


class TestLarge:
    @pytest.mark.parametrize("text", LARGE.values(), ids=LARGE.keys())
    def test_no_exception(self, text, tmp_path):
        """What is large, deep or goes round in circles does not raise."""
        read(tmp_path, text.encode())

    def test_is_given_up(self, tmp_path):
        """A script that multiplies its own calls is given up, so nothing is claimed of it."""
        functions = [f"def f{n}():\n" + f"    f{n - 1}()\n" * 4 for n in range(1, 40)]
        text = "import fire\ndef f0(lr=1):\n    print(lr)\n" + "".join(functions) + "f39()\nfire.Fire(f0)\n"

        facts = read(tmp_path, text.encode())

        assert not facts.options_complete
        assert facts.logs_unseen


def _compiles(line: str) -> bool:
    try:
        compile(line, "line", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
