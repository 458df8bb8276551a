"""Small pages of our own in the form of a task, and a farm that serves them."""

from collections.abc import Iterator
from contextlib import contextmanager

from envs.web.episode import EpisodeConfig
from envs.web.farm import Farm
from envs.web.tasks import Task


def page(body: str, script: str = "", later: str = "") -> str:
    """A task whose button `#ok` ends it well. `script` runs at each reset, `later` once, when the page has loaded."""
    return f"""<!DOCTYPE html><html><head><link rel="stylesheet" href="core/core.css">
<script src="core/core.js"></script>
<script>
var genProblem = function() {{
  document.getElementById('area').innerHTML = {body!r};
  var ok = document.getElementById('ok');
  if (ok) ok.onclick = function() {{ core.endEpisode(1.0, true); }};
  {script}
}};
window.onload = function() {{ core.startEpisode(); {later} }};
</script></head><body><div id="wrap"><div id="query">Press OK.</div><div id="area"></div></div></body></html>"""


OK = '<button id="ok">OK</button>'


def own(name: str) -> Task:
    """The task of a page that is served as NAME.html."""
    return Task(name=name, path=f"{name}.html", reload=False, still=False, beside=False, restless=False)


@contextmanager
def farm_of(config: EpisodeConfig | None = None, **pages: str) -> Iterator[Farm]:
    farm = Farm(config, {f"{name}.html": text for name, text in pages.items()})
    try:
        yield farm
    finally:
        farm.close()
