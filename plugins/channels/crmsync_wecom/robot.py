"""The channel that posts each notice into the WeCom group of a robot."""

from __future__ import annotations

from crmsync.sdk import Notice, OverHttp, QueryKey, Rate, Receipt, TeamChannel, shortened
from crmsync_wecom.error_codes import CODES
from crmsync_wecom.settings import WecomRobotSettings

MAX_BYTES = 2048


class WecomRobot(OverHttp, TeamChannel[WecomRobotSettings]):
    """Text; whoever has the robot's key may post, there is no signature."""

    name = "wecom-robot"
    title = "WeCom group robot (企业微信群机器人)"
    Settings = WecomRobotSettings
    rate = Rate(20, 60)

    def auth(self) -> QueryKey:
        return QueryKey("key", self.settings.key)

    def notify(self, notice: Notice, key: str) -> Receipt:
        now = self.clock.now()
        answer = self.http.request_json(
            "POST",
            self.settings.url,
            json={"msgtype": "text", "text": {"content": shortened(notice.whole, MAX_BYTES)}},
            idempotent=False,
        )
        if answer.get("errcode") != 0:
            raise CODES.error(answer.get("errcode"), now)
        return Receipt(key, now)
