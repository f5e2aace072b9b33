"""What a station asks about a therapy, an example of each verb."""

from typing import Any

AT = {"bed": "bed-1", "case": "c-17"}
CHANNEL = AT | {"port": "rack", "channel": "11"}
BODIES: dict[str, dict[str, Any]] = {
    "start-patient": AT | {"weight": "70 kg", "checklist": {"heart_disease": "no", "treatments_in_7_days": 1}},
    "baseline": AT | {"readings": [{"heart_rate": "72 /min", "nibp_sys": "128 mmHg"}]},
    "limits": AT | {"condition": "HR_HIGH", "band": "soft", "value": "110 /min"},
    "order": CHANNEL | {"rev": 0, "concentration": "10 mg/mL", "weight": "70 kg", "step": "1.0 mg/kg/h"},
    "override": CHANNEL | {"rev": 1, "reason": "as last week"},
    "confirm": CHANNEL | {"rev": 1},
    "withdraw": CHANNEL | {"rev": 1},
    "step": CHANNEL | {"rev": 1, "step": "1.5 mg/kg/h"},
    "confirm-syringe": CHANNEL | {"rev": 1},
    "observe": AT | {"all_well": True, "pain": 4},
    "manual-dose": AT | {"drug": "ketamine", "dose": "20 mg"},
    "line": CHANNEL | {"dead_volume": "1.5 mL", "filled_with": "other"},
    "flush": CHANNEL | {"volume": "10 mL", "by": "pump", "dead_volume": "1.5 mL", "filled_with": "drug"},
    "settle-dose": CHANNEL | {"given": "62 mg", "reason": "read at the pump"},
    "channel-role": CHANNEL | {"channel_role": "carrier"},
    "line-disconnected": CHANNEL,
    "end-infusion": AT,
    "close": AT,
}
