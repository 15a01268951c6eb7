"""Completions for shells, the man page and the reference of the docs, from the table of options."""

from __future__ import annotations

from .help import ABOUT, EXAMPLES, USAGE, exit_rows
from .options import ITEMS, OPTIONS, TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .option import Option

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def generated(what: str) -> str:
    """Make a completion script for bash, zsh, fish or powershell, or the manual: man or rst."""
    makers = {
        "bash": _bash,
        "zsh": _zsh,
        "fish": _fish,
        "powershell": _powershell,
        "man": _man,
        "rst": _rst,
    }
    return "\n".join(makers[what]()) + "\n"


# ------------------------------------------------------------------------ shells


def _bash() -> Iterator[str]:
    flags = " ".join(flag for option in OPTIONS for flag in option.flags)
    yield '# bash completion for hyper: eval "$(hyper --generate bash)"'
    yield "_hyper() {"
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"'
    yield "    COMPREPLY=()"
    yield '    case "$previous" in'
    for option in OPTIONS:
        if option.choices:
            words = " ".join(option.choices)
            yield f"        {'|'.join(option.flags)})"
            yield f"            COMPREPLY=($(compgen -W '{words}' -- \"$current\")); return ;;"
    files = [flag for option in OPTIONS if option.files for flag in option.flags]
    yield f"        {'|'.join(files)})"
    yield '            COMPREPLY=($(compgen -f -- "$current")); return ;;'
    others = [
        flag
        for option in OPTIONS
        if option.takes_value and not (option.files or option.choices)
        for flag in option.flags
    ]
    yield f"        {'|'.join(others)})"
    yield "            return ;;"
    yield "    esac"
    yield '    case "$current" in'
    yield f"        -*) COMPREPLY=($(compgen -W '{flags}' -- \"$current\")) ;;"
    yield "        *@*)"
    yield '            COMPREPLY=($(compgen -f -- "${current#*@}"))'
    yield '            COMPREPLY=("${COMPREPLY[@]/#/${current%%@*}@}") ;;'
    yield f"        *) COMPREPLY=($(compgen -W '{' '.join(METHODS)}' -- \"$current\")) ;;"
    yield "    esac"
    yield "}"
    yield "complete -o default -F _hyper hyper"


def _quoted(text: str) -> str:
    """A text in the single quotes of bash, zsh and fish."""
    return text.replace("'", "'\\''")


def _zsh() -> Iterator[str]:
    yield "#compdef hyper"
    yield "# zsh completion for hyper: hyper --generate zsh > ~/.zfunc/_hyper"
    yield "_hyper() {"
    yield "    _arguments -s -S \\"
    for option in OPTIONS:
        text = _quoted(option.short).replace("[", "(").replace("]", ")").replace(":", "\\:")
        for flag in option.flags:
            others = " ".join(option.flags)
            star = "*" if option.kind == "many" else f"({others})"
            value = ""
            if option.choices:
                value = f":value:({' '.join(option.choices)})"
            elif option.takes_value:
                value = f":value:{'_files' if option.files else ''}"
            yield f"        '{star}{flag}[{text}]{value}' \\"
    yield f"        '1:method or URL:({' '.join(METHODS)})' \\"
    yield "        '*:item:_files'"
    yield "}"
    yield "compdef _hyper hyper"


def _fish() -> Iterator[str]:
    yield "# fish completion for hyper: hyper --generate fish | source"
    for option in OPTIONS:
        words = ["complete -c hyper"]
        words += [f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in option.flags]
        if option.choices:
            words.append(f"-x -a '{' '.join(option.choices)}'")
        elif option.files:
            words.append("-r -F")
        elif option.takes_value:
            words.append("-x")
        text = option.short.replace("\\", "\\\\").replace("'", "\\'")
        words.append(f"-d '{text}'")
        yield " ".join(words)
    yield f"complete -c hyper -n __fish_is_first_token -a '{' '.join(METHODS)}'"


def _powershell() -> Iterator[str]:
    yield "# PowerShell completion for hyper: hyper --generate powershell | Out-String | iex"
    yield "Register-ArgumentCompleter -Native -CommandName hyper -ScriptBlock {"
    yield "    param($word, $ast, $cursor)"
    yield "    $options = @("
    for option in OPTIONS:
        text = option.short.replace("'", "''")
        for flag in option.flags:
            yield f"        @('{flag}', '{text}')"
    yield "    )"
    yield "    $values = @{"
    for option in OPTIONS:
        if option.choices:
            words = ", ".join(f"'{choice}'" for choice in option.choices)
            yield f"        '{option.flags[-1]}' = @({words})"
    yield "    }"
    yield "    $before = $ast.CommandElements | ForEach-Object { $_.ToString() }"
    yield "    $previous = if ($word) { $before[-2] } else { $before[-1] }"
    yield '    if ($values.ContainsKey("$previous")) {'
    yield '        $values["$previous"] | Where-Object { $_ -like "$word*" } |'
    yield "            ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }"
    yield "        return"
    yield "    }"
    yield '    $options | Where-Object { $_[0] -clike "$word*" } | ForEach-Object {'
    yield "        [System.Management.Automation.CompletionResult]::new("
    yield "            $_[0], $_[0], 'ParameterName', $_[1])"
    yield "    }"
    yield "}"


# ----------------------------------------------------------------------- manuals


def _roff(text: str) -> str:
    """A text as roff takes it: hyphens that are no minus, no line that is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _title(option: Option) -> str:
    flags = ", ".join(f"\\fB{_roff(flag)}\\fR" for flag in option.flags)
    return flags + (f" \\fI{_roff(option.metavar)}\\fR" if option.takes_value else "")


def _sentence(option: Option) -> str:
    """Tell what an option does, in a sentence or two."""
    text = f"{option.short[0].upper()}{option.short[1:]}."
    return f"{text} {option.long}" if option.long else text


def _man() -> Iterator[str]:
    import hyper

    yield f'.TH HYPER 1 "" "hyper {hyper.__version__}" "User Commands"'
    yield ".SH NAME"
    yield "hyper \\- send HTTP requests over HTTP/2, and show what comes back"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(USAGE)}"
    yield ".SH DESCRIPTION"
    yield _roff(ABOUT)
    yield ".SH ITEMS"
    for form, text in ITEMS:
        yield ".TP"
        yield f".B {_roff(form)}"
        yield _roff(text)
    for group, options in TABLE.items():
        yield f".SH {group.upper()}"
        for option in options:
            yield ".TP"
            yield _title(option)
            yield _roff(_sentence(option))
    yield ".SH EXIT STATUS"
    for code, text in exit_rows():
        yield ".TP"
        yield f".B {code}"
        yield _roff(text)
    yield ".SH EXAMPLES"
    for command, text in EXAMPLES:
        yield ".TP"
        yield f".B {_roff(command)}"
        yield _roff(text)
    yield ".SH SEE ALSO"
    yield ".BR curl (1)"


def _rst() -> Iterator[str]:
    yield ".. Made by: hyper --generate rst"
    yield ""
    for group, options in TABLE.items():
        yield f"**{group}**"
        yield ""
        for option in options:
            yield f"``{option.title}``"
            yield f"    {_sentence(option).replace('*', chr(92) + '*')}"
            yield ""
    yield "**Exit codes**"
    yield ""
    for code, text in exit_rows():
        yield f"``{code}``"
        yield f"    {text[0].upper()}{text[1:]}."
        yield ""
