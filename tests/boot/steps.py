"""What is done at the bedside computer of the boot test, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.boot.bedside import (
    EXAMPLES,
    FILES,
    LATER,
    LIMIT_S,
    NOW,
    PREFIX,
    SIMULATORS,
    STATE,
    UNIT,
    WATCHDOG_LIMIT_S,
    Bedside,
)
from tests.boot.machine import mono_s
from tests.boot.written import RUN

EXPOSURE_MAX, ON_THE_WARD_MAX = 15, 16
"""Tenths, as in tests/packaging/test_systemd.py."""

SNAPSHOT = f"{PREFIX}/bed/bed-1/snapshot"

OPENED = """
import errno, os
def opened(path):
    try:
        os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return errno.errorcode[error.errno]
print(opened("/dev/ttyUSB9"), opened("/dev/other"))
"""


class Campaign(Bedside):
    """What is done in one machine, in this order; each method is a step."""

    def steps(self) -> list[Callable[[], str]]:
        """Return the steps."""
        return [
            self.installed_but_not_started,
            self.closed_off,
            self.starts_at_boot_and_alarms,
            self.network_opened,
            self.plugged_in_later,
            self.killed,
            self.frozen,
            self.broker_away,
            self.wrong_configuration,
            self.reloaded,
            self.doctor,
            self.as_written,
            self.full_state_disk,
            self.replaced_by_a_spare,
            self.upgrade_refused_and_done,
            self.station,
            self.stopped,
            self.removed,
            self.purged,
        ]

    def steps_here(self) -> list[Callable[[], str]]:
        """Return those that a copy of any Debian can take, without what looks for what is left."""
        left_out = [self.reloaded, self.doctor, self.as_written, self.full_state_disk]
        left_out += [self.replaced_by_a_spare, self.station, self.purged]
        return [step for step in self.steps() if step not in left_out]

    # --- the steps ----------------------------------------------------------------------------------------------------

    def installed_but_not_started(self) -> str:
        """The package installs, makes its user, and waits for a configuration."""
        said = self._dpkg("--install", self._deb("infusion-edge", NOW)).stdout
        self._expect("sudo infusion-edge init" in said, f"it said: {said}")
        self._expect(self._state("UnitFileState") == "enabled", "it is not enabled")
        self._expect(self._state("ActiveState") == "inactive", "it was started without a configuration")
        self._expect("dialout" in self._machine.out("id", "-Gn", "infusion-edge"), "its user may not use serial ports")
        version = self._machine.out("python3", "-V")
        self._machine.run("infusion-edge", "ports")
        return version

    def closed_off(self) -> str:
        """systemd takes the unit as installed, and finds it closed off."""
        self._machine.run("systemd-analyze", "verify", "--man=no", f"/usr/lib/systemd/system/{UNIT}")
        return self._exposure(UNIT, EXPOSURE_MAX)

    def starts_at_boot_and_alarms(self) -> str:
        """It starts with the machine; the alarm of the dose stands, and nobody is told: its network is closed to it."""
        machine = self._machine
        self._furnish()
        machine.off()
        machine.boot()
        machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "it did not start at boot")
        status = self._state("StatusText")
        self._expect("watching 2 beds" in status, f"its status is {status}")
        took_s = machine.wait(lambda: "DOSE_RATE_HIGH" in self._standing(), LIMIT_S, "no alarm of the dose")
        machine.wait(lambda: "install network.conf" in self._standing(), LIMIT_S, "it does not say what is missing")
        self._expect(not self._alarm(), "it reached a broker on another computer")
        return f"alarm {took_s:.1f} s after the start; {status}"

    def network_opened(self) -> str:
        """With the drop-in it reaches its broker over TLS, logs in with a credential, and alarms there."""
        drop_ins = f"/etc/systemd/system/{UNIT}.d"
        self._machine.run("install", "-D", "-m", "644", f"{EXAMPLES}/network.conf", f"{drop_ins}/network.conf")
        self._machine.run("systemctl", "daemon-reload")
        self._machine.run("systemctl", "restart", UNIT)
        took_s = self._alarm_comes()
        return f"alarm at the broker {took_s:.1f} s after the start; {self._exposure(UNIT, ON_THE_WARD_MAX)}"

    def plugged_in_later(self) -> str:
        """A serial adapter that came after the start may be opened; another device may not."""
        machine = self._machine
        for path, numbers in {"/dev/ttyUSB9": ("188", "9"), "/dev/other": ("10", "200")}.items():
            machine.run("mknod", "-m", "660", path, "c", *numbers)
            machine.run("chgrp", "dialout", path)
        said = self._in_its_group(OPENED)
        # ENXIO: allowed, and no driver has it. EPERM: forbidden.
        self._expect(said == "ENXIO EPERM", f"opening an adapter, and another device: {said}")
        return "an adapter may be opened, another device not"

    def killed(self) -> str:
        """kill -9: it is started again, and what stood stands."""
        before = self._restarts()
        self._machine.run("systemctl", "kill", "--signal=KILL", UNIT)
        return self._comes_back(before, LIMIT_S)

    def frozen(self) -> str:
        """A process that stands still is ended by the watchdog, and started again."""
        before = self._restarts()
        self._machine.run("systemctl", "kill", "--signal=STOP", UNIT)
        said = self._comes_back(before, WATCHDOG_LIMIT_S)
        log = self._machine.out("journalctl", "-b", "-u", UNIT, "--no-pager", "-o", "cat")
        self._expect("Watchdog timeout" in log, "the watchdog did not speak")
        return said

    def broker_away(self) -> str:
        """Without the broker an alarm stands here; when it is back, all that is so is said again."""
        machine = self._machine
        machine.run("systemctl", "stop", "mosquitto")
        took_s = machine.wait(lambda: "NORTHBOUND_LOST" in self._standing(), LIMIT_S, "no alarm of the lost broker")
        machine.run("systemctl", "start", "mosquitto")
        back_s = machine.wait(lambda: self._heard(f"{PREFIX}/status").get("state") == "running", LIMIT_S, "not back")
        self._same_alarm()
        return f"alarm after {took_s:.1f} s, back after {back_s:.1f} s"

    def wrong_configuration(self) -> str:
        """A configuration that cannot be used: the last good one is watched by, and an alarm says so."""
        machine, path = self._machine, "/etc/infusion-edge/edge.toml"
        machine.write(path, self._configuration().replace("[[bed]]", "[[bedd]]", 1))
        machine.run("systemctl", "restart", UNIT)
        machine.wait(lambda: "CONFIG_INVALID" in self._standing(), LIMIT_S, "no alarm of the configuration")
        self._same_alarm()
        # One that would take something from the patient who is there is not taken either, but by a person's word.
        machine.write(path, self._configuration().replace('soft = "120 /min"', 'soft = "130 /min"', 1))
        machine.run("systemctl", "restart", UNIT)
        way_out = "infusion-edge take-config"
        machine.wait(lambda: way_out in self._standing(), LIMIT_S, "it took what a reload refuses")
        self._expect(machine.run("infusion-edge", "take-config", check=False).returncode == 1, "it asked for no word")
        machine.run("infusion-edge", "take-config", "--with-patients")
        machine.run("systemctl", "restart", UNIT)
        machine.wait(lambda: bool(self._standing()) and "CONFIG_INVALID" not in self._standing(), LIMIT_S, "it stands")
        machine.write(path, self._configuration())
        machine.run("systemctl", "restart", UNIT)
        self._same_alarm()
        return "watched by the last good copy; a laxer limit by a person's word alone"

    def reloaded(self) -> str:
        """A label is another without a restart; a file that cannot be used is refused, and an alarm says so."""
        machine, path = self._machine, "/etc/infusion-edge/edge.toml"
        before = self._state("MainPID")
        machine.write(path, self._configuration().replace('label = "Bed 1"', 'label = "Window"', 1))
        machine.run("systemctl", "reload", UNIT)

        def labels() -> list[str]:
            return [bed["label"] for bed in self._heard(f"{PREFIX}/roster").get("beds", ())]

        took_s = machine.wait(lambda: "Window" in labels(), LIMIT_S, "the label is not in the roster")
        machine.write(path, self._configuration().replace("[[bed]]", "[[bedd]]", 1))
        machine.run("systemctl", "reload", UNIT)
        machine.wait(lambda: "CONFIG_INVALID" in self._standing(), LIMIT_S, "no alarm of the configuration")
        self._expect("configuration not taken" in self._state("StatusText"), self._state("StatusText"))
        machine.write(path, self._configuration())
        machine.run("systemctl", "reload", UNIT)
        machine.wait(lambda: "CONFIG_INVALID" not in self._standing(), LIMIT_S, "the alarm stands")
        self._expect(self._state("ActiveState") == "active", f"it is {self._state('ActiveState')}")
        self._expect(self._state("MainPID") == before, "it was started anew")
        self._same_alarm()
        return f"taken after {took_s:.1f} s, refused, and the same alarm stands"

    def doctor(self) -> str:
        """The doctor sees the service as it is, and disturbs nothing."""
        # After the starts of the steps before, the connection has to last for a while until that alarm is over.
        self._machine.wait(lambda: "NORTHBOUND_LOST" not in self._standing(), LIMIT_S, "no broker")
        rows = json.loads(self._machine.run("infusion-edge", "doctor", "--json", check=False).stdout)
        levels: dict[str, set[str]] = {}
        for row in rows:
            levels.setdefault(row["check"], set()).add(row["level"])
        well = ("version", "daemon", "configuration", "broker", "TLS", "certificate", "login", "line bed-1-pump")
        self._expect(all("error" not in levels[check] for check in well), f"it found {rows}")
        self._expect(levels["files"] == {"ok"}, f"it runs by other files: {rows}")
        self._expect("the daemon is connected" in [row["text"] for row in rows], "it does not see the connection")
        self._same_alarm()
        return f"{len(rows)} rows, {sum(row['level'] == 'error' for row in rows)} errors"

    def as_written(self) -> str:
        """What the documents tell to type is done as it stands there."""
        for line in RUN:
            typed = line.replace("sudo ", "")  # it is root who types here
            self._machine.run("sh", "-c", f"mkdir -p /opt/typed && cd /opt/typed && {typed}")
        self._machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "it does not run")
        self._same_alarm()
        return f"{len(RUN)} commands"

    def full_state_disk(self) -> str:
        """A full disk is an alarm, and stops nothing; when there is room again it ends."""
        machine = self._machine
        machine.run("dd", "if=/dev/zero", f"of={STATE}/ballast", "bs=64k", check=False)
        machine.run("dd", "if=/dev/zero", f"of={STATE}/ballast.rest", "bs=512", check=False)
        machine.run("infusion-edge", "test-alarm", check=False)

        def said() -> bool:
            # What fits into pages that the store has already is kept, and ends the alarm within the same second.
            machine.run("infusion-edge", "pause", "bed-1", check=False)
            return "STORE_FAILED" in machine.out("journalctl", "-b", "-u", UNIT, "--no-pager", "-o", "cat")

        took_s = machine.wait(said, LIMIT_S, "no alarm of the full disk")
        self._expect(self._heard(f"{PREFIX}/status").get("state") == "running", "it stopped")
        machine.run("rm", f"{STATE}/ballast", f"{STATE}/ballast.rest")
        machine.wait(lambda: "STORE_FAILED" not in self._standing(), LIMIT_S, "it stands although there is room")
        self._same_alarm()
        return f"alarm after {took_s:.1f} s"

    def replaced_by_a_spare(self) -> str:
        """A spare with the package and no configuration takes the bundle and new credentials, and watches the beds."""
        machine, fresh, bundle = self._machine, "/opt/fresh", "/opt/replaced.bundle"
        machine.run("infusion-edge", "bundle", "export", bundle)
        authority = f"--site demo --edge pi-1 --renew {FILES}/broker --authority {FILES}/authority"
        machine.run("infusion-edge", "broker-files", fresh, *authority.split())
        machine.run("sh", "-c", f"install -m 640 -g mosquitto {fresh}/broker/* /etc/mosquitto/infusion/")
        machine.run("systemctl", "restart", "mosquitto")
        machine.run("infusion-edge", "stop", "--with-patients")
        # The links are those of the simulated devices, which stay in their sockets.
        machine.run("find", STATE, "-mindepth", "1", "!", "-type", "l", "-delete")
        machine.run("sh", "-c", "rm /etc/infusion-edge/*.toml /etc/infusion-edge/ca.crt /etc/credstore/*")
        old = self._heard(SNAPSHOT)["run"]
        begun_s = mono_s()
        words = f"bundle import {bundle} --credentials {fresh}/edge-pi-1 --treatments take"
        machine.run("infusion-edge", *words.split())
        machine.run("systemctl", "start", UNIT)
        machine.wait(lambda: self._heard(SNAPSHOT).get("run", old) != old, LIMIT_S, "no snapshot of the spare")
        took_s = mono_s() - begun_s
        self._same_alarm()
        return f"a station has a bed's snapshot {took_s:.1f} s after `bundle import` began, the same alarm stands"

    def upgrade_refused_and_done(self) -> str:
        """An upgrade is refused while a bed has a patient, and with the word it keeps alarms and configuration."""
        machine, later = self._machine, self._deb("infusion-edge", LATER)
        before = self._state("MainPID")
        self._refused(self._dpkg("--install", later, check=False))
        self._refused(machine.run("infusion-edge", "stop", check=False))
        self._expect(self._state("MainPID") == before, "the refused upgrade touched the service")
        self._expect(self._version() == NOW, "the refused upgrade was done")
        edited = f"{self._configuration()}\n# of this site\n"
        machine.write("/etc/infusion-edge/edge.toml", edited)
        drugs = machine.files / "etc/infusion-edge/drugs.toml"
        drugs.write_text(f"{drugs.read_text(encoding='utf-8')}\n# of this site\n", encoding="utf-8")
        machine.run("infusion-edge", "stop", "--with-patients")
        # Cut short between its two halves, and ended when a patient is there again.
        self._dpkg("--unpack", later)
        machine.run("systemctl", "start", UNIT)
        before = self._state("MainPID")
        said = self._dpkg("--configure", "infusion-edge").stdout
        self._expect("sudo systemctl restart infusion-edge" in said, f"it does not say that it waits: {said}")
        self._expect(self._state("MainPID") == before, "an upgrade that was ended late restarted the service")
        machine.run("systemctl", "restart", UNIT)
        machine.wait(lambda: self._state("ActiveState") == "active", LIMIT_S, "not started again")
        self._expect(self._version() == LATER, "it was not upgraded")
        for name in ("edge.toml", "drugs.toml"):
            text = (machine.files / "etc/infusion-edge" / name).read_text(encoding="utf-8")
            self._expect(text.endswith("# of this site\n"), f"the upgrade touched {name}")
        self._same_alarm()
        return "refused, then done; the same alarm stands"

    def station(self) -> str:
        """The station has its package, its unit and its page."""
        machine = self._machine
        self._dpkg("--install", self._deb("infusion-station", NOW))
        path = "/etc/infusion-station/station.toml"
        machine.run("cp", "/usr/share/doc/infusion-station/examples/station.toml", path)
        self._hand_over("infusion-station", f"{FILES}/station-ward-desk")
        machine.write(path, self._on_the_ward(machine.out("cat", path), "station-ward-desk"))
        machine.run("systemctl", "start", "infusion-station")
        fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/').status)"
        self._expect(machine.out("python3", "-c", fetch) == "200", "its page is not served")
        told = self._exposure("infusion-station.service", EXPOSURE_MAX)
        self._dpkg("--purge", "infusion-station")
        self._nothing_left("infusion-station")
        return f"page served; {told}"

    def stopped(self) -> str:
        """A bare systemctl stop is caught: the station is told."""
        self._machine.run("systemctl", "stop", UNIT)
        self._expect(self._heard(f"{PREFIX}/status").get("state") == "stopped", "nobody is told that it was stopped")
        self._machine.run("systemctl", "start", UNIT)
        self._same_alarm()
        return "the broker says stopped"

    def removed(self) -> str:
        """A removal is refused while a bed has a patient; with the word it stops, and leaves what is the site's."""
        before = self._state("MainPID")
        self._refused(self._dpkg("--remove", "infusion-edge", check=False))
        self._expect(self._state("MainPID") == before, "the refused removal touched the service")
        self._machine.run("infusion-edge", "stop", "--with-patients")
        self._dpkg("--remove", "infusion-edge")
        for path in ("etc/infusion-edge/edge.toml", STATE.lstrip("/") + "/edge.db"):
            self._expect(self._machine.run("test", "-e", f"/{path}", check=False).returncode == 0, f"{path} is gone")
        self._expect(not (self._machine.files / "usr/lib/infusion-edge").exists(), "the program is still there")
        return "refused, then done"

    def purged(self) -> str:
        """A purge leaves nothing."""
        machine = self._machine
        machine.run("systemctl", "stop", *(f"sim-{link}.service" for link in SIMULATORS))
        machine.run("umount", STATE)
        self._dpkg("--purge", "infusion-edge")
        machine.run("sh", "-c", "rm -rf /etc/systemd/system/sim-* /etc/systemd/system/*/sim-*")
        machine.run("rm", "-r", "/opt/simulators", "/etc/fstab", FILES, "/etc/mosquitto/infusion")
        self._nothing_left("infusion-edge")
        return "nothing left"
