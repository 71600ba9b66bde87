"""The corpus of scripts: laying a case out on disk, and facts as lines of text."""

from __future__ import annotations

from pathlib import Path

from hyperdrive_retrofit.script import ConfigRead, FixedWrite, Option, PathUse, RunLookup, ScriptFacts

CORPUS = Path(__file__).parent / "script_corpus"
MARK = "--- "


def sections(text: str) -> dict[str, str]:
    """Split a case into its files and its facts, by title."""
    parts = ("\n" + text).split("\n" + MARK)[1:]
    return {title: body for title, _, body in (part.partition("\n") for part in parts)}


def lay_out(text: str, folder: Path) -> str:
    """Write the files of a case below a folder; return the first one's name, which is the script."""
    files = {title: body for title, body in sections(text).items() if title not in ("facts", "literals")}
    for title, body in files.items():
        path = folder / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body + "\n", encoding="utf-8")
    return next(iter(files))


def lines(facts: ScriptFacts) -> list[str]:
    """Write all that the facts say, one line each; what is not known leaves no line."""
    named = {
        "own tag": facts.own_tags,
        "input dataset": facts.uses_input_datasets,
        "environment": facts.environment_reads,
    }
    return [
        *([f"problem: {facts.problem}"] if facts.problem else []),
        *(f"also read: {file}" for file in facts.files[1:]),
        *(f"unread: {file}" for file in facts.unread),
        *_parser(facts),
        *map(_option, facts.options),
        *(f"unused: {dest}" for dest in facts.unused_options),
        *([f"overrides: {facts.overrides}"] if facts.overrides else []),
        *(f"override key: {key.name} @{key.place}" for key in facts.override_keys),
        *(
            f"metric: {m.name} on {m.on} by {m.call}{' repeated' * m.repeated}{' in loop' * m.in_loop} @{m.place}"
            for m in facts.metrics
        ),
        *(["reads no command line"] if facts.reads_command_line is False else []),
        *(["subcommands"] if facts.subcommands else []),
        *(["logs unseen"] if facts.logs_unseen else []),
        *(["command line unseen"] if facts.command_line_unseen else []),
        *(f"unknown library: {name}" for name in facts.unknown_libraries),
        *(
            f"parent read: {read.kind} {read.name}{' guarded' * read.guarded} @{read.place}"
            for read in facts.parent_reads
        ),
        *(f"parent write: {write.kind} {write.name} @{write.place}" for write in facts.parent_writes),
        *(
            f"run lookup: {look.call} {look.name}{_of_step(look)}{_asked(look)} @{look.place}"
            for look in facts.run_lookups
        ),
        *(
            f"registration: {r.kind} {r.name}{' conditional' * r.conditional}{' computed' * r.computed} @{r.place}"
            for r in facts.registrations
        ),
        *(
            f"model lookup: {look.name}{' pinned' * look.pinned}{' every' * look.every}{' if' * look.conditional} @{look.place}"
            for look in facts.model_lookups
        ),
        *(f"output dataset: {u.name}{' guarded' * u.guarded} @{u.place}" for u in facts.uses_output_datasets),
        *(f"{kind}: {item.name} @{item.place}" for kind, items in named.items() for item in items),
        *(
            f"only {', '.join(o.commands)}: {type(o.fact).__name__} {o.fact.name} @{o.fact.place}"
            for o in facts.of_commands
        ),
        *map(_path_use, facts.path_uses),
        *_folders(facts),
        *(f"folder made: {folder.name} @{folder.place}" for folder in facts.folders_made),
        *map(_config_read, facts.config_reads),
        *map(_fixed_write, facts.fixed_writes),
        *(["keeps best"] if facts.keeps_best else []),
    ]


def literal_lines(facts: ScriptFacts) -> list[str]:
    """Write the values that stand in the source, one line each; they are many, and only some cases ask for them."""
    return [f"{fixed.name} = {fixed.value!r} @{fixed.place}" for fixed in facts.literals]


def _parser(facts: ScriptFacts) -> list[str]:
    if facts.parser is None:
        return []
    complete = "complete" if facts.options_complete else "incomplete"
    short = ", abbreviations" if facts.abbreviations else ""
    return [f"parser: {facts.parser}, {complete}, unknown options {facts.unknown_options}{short}"]


def _option(option: Option) -> str:
    default = option.default if isinstance(option.default, str) else repr(option.default)
    words = [" ".join(option.names), "->", option.dest, str(option.type), f"default {default}"]
    words += ["required"] if option.required else []
    words += [f"takes {option.takes_values}"] if option.takes_values != 1 else []
    words += [f"choices {option.choices}"] if option.choices is not None else []
    words += ["collects"] if option.collects else []
    words += [f"command '{option.command}'"] if option.command is not None else []
    return f"option: {' '.join(words)} @{option.place}"


def _path_use(use: PathUse) -> str:
    inside = f" in {', '.join(use.branches)}" if use.branches else ""
    below = f" {use.below}" if use.below is not None else ""
    return f"path: {use.option} {use.kind}{below} @{use.place}{inside}{' repeated' * use.repeated}"


def _of_step(lookup: RunLookup) -> str:
    return f" of step {lookup.step}" if lookup.step is not None else ""


def _asked(lookup: RunLookup) -> str:
    return f" asked {' '.join(lookup.asked)}" if lookup.asked else ""


def _config_read(read: ConfigRead) -> str:
    words = [read.format]
    words += [f"file {read.file}"] if read.file is not None else []
    words += [f"option {read.option}"] if read.option is not None else []
    words += [f"keys {' '.join(read.keys)}"] if read.keys else []
    return f"config: {' '.join(words)} @{read.place}"


def _fixed_write(write: FixedWrite) -> str:
    words = ["datastore"] * write.datastore + [write.path] + ["conditional"] * write.conditional
    return f"fixed write: {' '.join(words)} @{write.place}"


def _folders(facts: ScriptFacts) -> list[str]:
    words = {True: "made", False: "never made"}
    known = {use.option: facts.folder_made(use.option) for use in facts.path_uses if use.option}
    return [f"folder: {dest} {words[made]}" for dest, made in known.items() if made is not None]
