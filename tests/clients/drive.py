"""Drive one of the Python clients by the plan on standard input. Runs alone: only the client is on its path."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

Step = dict[str, Any]


class Segment:
    """segment-analytics-python; RudderStack's is its child and has the same calls."""

    def __init__(self, plan: dict[str, Any]) -> None:
        if plan["client"].startswith("rudder"):
            from rudderstack.analytics.client import Client
        else:
            from segment.analytics.client import Client
        self.client = Client(plan["key"], host=plan["host"], on_error=lambda error, _: print(f"! {error}", flush=True))

    def do(self, step: Step) -> None:
        them = {"user_id": step.get("user"), "anonymous_id": step.get("anonymous"), "message_id": step.get("id")}
        properties = step.get("properties", {})
        match step["do"]:
            case "identify":
                self.client.identify(traits=step["traits"], **them)
            case "track":
                self.client.track(event=step["event"], properties=properties, **them)
            case "page":
                self.client.page(name=step["name"], properties=properties, **them)
            case "screen":
                self.client.screen(name=step["name"], properties=properties, **them)
            case "group":
                self.client.group(group_id=step["group"], traits=step["traits"], **them)
            case "alias":
                self.client.alias(step["previous"], step["user"], message_id=step.get("id"))
            case "flush":
                self.client.flush()

    def close(self) -> None:
        self.client.flush()
        self.client.join()


class PostHog:
    def __init__(self, plan: dict[str, Any]) -> None:
        from posthog import Posthog

        # Three tries are its default, some seconds in all; a restart on a busy machine may take longer.
        self.client = Posthog(plan["key"], host=plan["host"], max_retries=10,
                              on_error=lambda error, _: print(f"! {error}", flush=True))  # fmt: skip

    def do(self, step: Step) -> None:
        user, anonymous = step.get("user"), step.get("anonymous")
        them = {"distinct_id": user or anonymous, "uuid": step.get("id")}
        properties = dict(step.get("properties", {}))
        if not user:
            properties["$process_person_profile"] = False
        match step["do"]:
            case "identify":
                said = {"$set": step["traits"], **({"$anon_distinct_id": anonymous} if anonymous else {})}
                self.client.capture("$identify", properties=said, **them)
            case "track":
                self.client.capture(step["event"], properties=properties, **them)
            case "page":
                self.client.capture("$pageview", properties={"title": step["name"], **properties}, **them)
            case "screen":
                self.client.capture("$screen", properties={"$screen_name": step["name"], **properties}, **them)
            case "group":
                self.client.group_identify("company", step["group"], step["traits"], **them)
            case "alias":
                self.client.alias(step["previous"], user, uuid=step.get("id"))
            case "flush":
                self.client.flush(timeout_seconds=None)

    def close(self) -> None:
        self.client.flush(timeout_seconds=None)
        self.client.shutdown()


class OpenCXM:
    def __init__(self, plan: dict[str, Any]) -> None:
        from opencxm import Client

        self.client = Client(plan["key"], plan["host"], on_error=lambda error, _: print(f"! {error}", flush=True))

    def do(self, step: Step) -> None:
        user, properties = step.get("user"), step.get("properties", {})
        them = {"anonymous_id": step.get("anonymous"), "message_id": step.get("id")}
        match step["do"]:
            case "identify":
                self.client.identify(user, step["traits"], **them)
            case "track":
                self.client.track(user, step["event"], properties, **them)
            case "page":
                self.client.page(user, step["name"], properties, **them)
            case "screen":
                self.client.screen(user, step["name"], properties, **them)
            case "group":
                self.client.group(user, step["group"], step["traits"], **them)
            case "alias":
                self.client.alias(step["previous"], step["user"], message_id=step.get("id"))
            case "flush":
                self.client.flush()

    def close(self) -> None:
        self.client.close(60)


def main() -> None:
    plan = json.load(sys.stdin)
    kinds: dict[str, type[Segment | PostHog | OpenCXM]] = {"posthog": PostHog, "opencxm": OpenCXM}
    client = kinds.get(plan["client"].partition("-")[0], Segment)(plan)
    left_out = []
    for step in plan["steps"]:
        if step["do"] == "say":
            print(step["word"], flush=True)
        elif step["do"] == "pause":
            time.sleep(step["seconds"])
        else:
            for number in range(step.get("times", 1)):
                one = step
                if "times" in step:
                    one = {**step, "properties": {**step.get("properties", {}), "n": number}}
                try:
                    client.do(one)
                except (ValueError, RuntimeError) as error:  # the client itself refuses, for one because of the size
                    left_out.append({"step": one.get("event", one["do"]), "why": str(error)[:200]})
    client.close()
    print(json.dumps({"left_out": left_out}), flush=True)


if __name__ == "__main__":
    main()
