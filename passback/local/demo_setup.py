"""Making the demo class of a local stack: a platform, a tool and a few students, ready to be graded."""

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.delivery.records import CellKey
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping, Submitted
from passback.home import Home
from passback.key_checks import KEY_SET_PATH
from passback.local.demo_class import DemoClass, DemoStudent
from passback.local.simulator_control import Document, SimulatorControl
from passback.tools import generated_secret

if TYPE_CHECKING:
    from chalicelib.services import Services

PLATFORM = "demo"
CONSUMER_KEY = "demo-tool"
CLIENT_ID = "10000000000001"  # the developer key that the simulator's scenes use when none is named
STUDENTS = 3


def trust_passback(base_url: str, simulator: SimulatorControl) -> None:
    """Let the simulator's developer key take what is signed with our keys, in every scene it prepares."""
    simulator.order("register", {"client_id": CLIENT_ID, "jwks_url": base_url + KEY_SET_PATH})


def set_up_demo(home: Home, base_url: str, services: "Services", simulator: SimulatorControl) -> tuple[DemoClass, Tool]:
    """Bring the demo class back, or make it: the same key, secret and students as long as table and gradebook last."""
    tool = services.tools.get(CONSUMER_KEY) or _new_tool(services)
    demo, history = DemoClass.load(home), Submitted.UNKNOWN
    if demo is None or not all(simulator.knows(student.handle) for student in demo.students):
        demo, history = _new_class(base_url, simulator, tool), Submitted.NO
    demo = replace(demo, simulator_url=simulator.url, base_url=base_url)
    _put_platform(services, simulator.url)
    for student in demo.students:
        _put_mapping(student, simulator.url, services, history)
    demo.save(home)
    return demo, tool


def _new_tool(services: "Services") -> Tool:
    tool = Tool(CONSUMER_KEY, (generated_secret(),), created_at=services.clock.now())
    services.tools.add(tool)
    return tool


def _new_class(base_url: str, simulator: SimulatorControl, tool: Tool) -> DemoClass:
    wanted = {
        "name": "Demo quiz",
        "client_id": CLIENT_ID,
        "consumer_key": tool.consumer_key,
        "shared_secret": tool.secrets[0],
    }
    first = simulator.order("prepare", wanted)
    others = [simulator.order("prepare", {"beside": first["handle"]}) for _ in range(STUDENTS - 1)]
    scenes = [first, *others]
    return DemoClass(
        platform=PLATFORM,
        consumer_key=CONSUMER_KEY,
        client_id=CLIENT_ID,
        simulator_url=simulator.url,
        base_url=base_url,
        students=tuple(_student(scene) for scene in scenes),
    )


def _student(scene: Document) -> DemoStudent:
    return DemoStudent(
        # The sourcedid that old Canvas gave the tool: after a move, tools go on sending it.
        sourcedid=scene["lti11"]["sourcedid"],
        user_id=scene["user_id"],
        line_item_path=urlsplit(scene["line_item"]).path,
        handle=scene["handle"],
        gradebook_path=urlsplit(scene["gradebook_url"]).path,
    )


def _put_platform(services: "Services", simulator_url: str) -> None:
    wanted = simulator_platform(PLATFORM, CLIENT_ID, simulator_url)
    stored = services.platforms.get(PLATFORM)
    if stored is not None and replace(stored, created_at=None) == wanted:
        return
    services.platforms.remove(PLATFORM)
    services.platforms.add(replace(wanted, created_at=services.clock.now()))


def simulator_platform(name: str, client_id: str, simulator_url: str) -> Platform:
    """Return the registration of Passback at the simulator."""
    token_url = f"{simulator_url}/login/oauth2/token"
    return Platform(
        name=name,
        profile="canvas",
        issuer="https://canvas.instructure.com",  # every hosted Canvas has this one (Canvas AGS, section 1)
        client_id=client_id,
        token_url=token_url,
        audience=token_url,
        hosts=(urlsplit(simulator_url).netloc,),
        jwks_url=f"{simulator_url}/api/lti/security/jwks",
    )


def _put_mapping(student: DemoStudent, simulator_url: str, services: "Services", history: Submitted) -> None:
    """Map a student, unless it is done; at another port the line item, and so the cell, is another one."""
    line_item = simulator_url + student.line_item_path
    stored = services.mappings.get(CONSUMER_KEY, student.sourcedid)
    if stored is not None and stored.line_item == line_item:
        return
    if stored is not None:
        cell = services.ledger.cell(CellKey(stored.platform, stored.line_item, stored.user_id))
        history = Submitted.YES if cell.first_submitted_at is not None else stored.submitted
    services.mappings.put(
        Mapping(
            consumer_key=CONSUMER_KEY,
            sourcedid=student.sourcedid,
            platform=PLATFORM,
            line_item=line_item,
            user_id=student.user_id,
            submitted=history,
            context="Passback demo",
            created_at=services.clock.now(),
        )
    )
