/**
 * What the server told, and what it is worth: live, last known, or unknown. A missing part is unknown, never well.
 * Nothing here touches the page, so that it can be held against tables.
 */

const PRIORITIES = ["high", "medium", "low"];
export const rank = (priority) => PRIORITIES.indexOf(priority);

export const bedKey = (edge, bed) => `${edge}/${bed}`;
export const alarmKey = (edge, bed, key) => `${edge}/${bed}/${key}`;

export class Ward {
  constructor() {
    this.clear(null);
  }

  clear(hello) {
    this.hello = hello;
    this.edges = new Map();
    this.beds = new Map();
    this.alarms = new Map();
    this.own = new Map();
    this.session = hello?.session ?? null;
    this.broker = null;
    this.ready = false;
    this.version = 0;
  }

  /** Take an event of the stream. */
  apply(name, data) {
    this.version += 1;
    switch (name) {
      case "hello":
        this.clear(data);
        break;
      case "edge":
        this.merge(this.edges, data.edge, data);
        this.touch((bed) => bed.edge === data.edge);
        break;
      case "bed":
        this.merge(this.beds, bedKey(data.edge, data.bed), data);
        break;
      case "bed_gone":
        this.beds.delete(bedKey(data.edge, data.bed));
        break;
      case "alarm":
        this.alarms.set(alarmKey(data.edge, data.alarm.bed, data.alarm.key), { edge: data.edge, alarm: data.alarm });
        this.touch((bed) => bed.edge === data.edge && bed.bed === data.alarm.bed);
        break;
      case "alarm_gone":
        this.gone(data);
        break;
      case "station_alarm":
        this.own.set(data.key, data);
        break;
      case "station_alarm_gone":
        this.own.delete(data.key);
        break;
      case "session":
        this.session = data.session;
        break;
      case "ready":
        this.ready = true;
        break;
      case "beat":
        if (this.broker !== data.broker) this.touch(() => true);
        this.broker = data.broker;
        break;
    }
  }

  merge(into, key, data) {
    const found = into.get(key) ?? { version: 0 };
    into.set(key, Object.assign(found, data, { version: found.version + 1 }));
  }

  gone({ edge, bed, key, occurrence }) {
    const place = alarmKey(edge, bed, key);
    if (this.alarms.get(place)?.alarm.occurrence !== occurrence) return;
    this.alarms.delete(place);
    this.touch((one) => one.edge === edge && one.bed === bed);
  }

  touch(which) {
    for (const bed of this.beds.values()) if (which(bed)) bed.version += 1;
  }

  /** The beds in the order of the ward. */
  inOrder() {
    return [...this.beds.values()]
      .filter((bed) => bed.place)
      .sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1]);
  }

  /** The alarms of a bed, the most urgent first; of the edge itself where bed is empty. */
  alarmsOf(edge, bed) {
    const found = [];
    for (const one of this.alarms.values()) if (one.edge === edge && one.alarm.bed === bed) found.push(one);
    return found.sort(byUrgency);
  }

  /** All alarms of all edges, the most urgent first. */
  allAlarms() {
    return [...this.alarms.values()].sort(byUrgency);
  }
}

const QUIET = { on: 0, latched: 0, acknowledged: 1 };

function byUrgency(a, b) {
  return (
    rank(a.alarm.priority) - rank(b.alarm.priority) ||
    (QUIET[a.alarm.signal] ?? 0) - (QUIET[b.alarm.signal] ?? 0) ||
    (a.alarm.onset.wall < b.alarm.onset.wall ? 1 : a.alarm.onset.wall > b.alarm.onset.wall ? -1 : 0) ||
    (a.alarm.key < b.alarm.key ? -1 : 1)
  );
}

/**
 * A moment: the ward, the server's clock, and whether the page still hears its server. Everything that has an age is
 * read through it.
 */
export class Moment {
  /** @param {Ward} ward @param {number | null} serverS @param {boolean} lost */
  constructor(ward, serverS, lost) {
    this.ward = ward;
    this.serverS = serverS;
    this.lost = lost;
  }

  /** An edge's own monotonic clock now, null where it is not known. */
  edgeMono(edge) {
    const offset = this.ward.edges.get(edge)?.clock_offset_s;
    return this.serverS === null || offset === null || offset === undefined ? null : this.serverS - offset;
  }

  /** How long ago a stamp of the edge's current run was, null where that is not known. */
  ago(edge, stamp, run = stamp?.run) {
    const mono = this.edgeMono(edge);
    if (!stamp || mono === null || (run !== undefined && run !== this.run(edge))) return null;
    return Math.max(0, mono - stamp.mono_s);
  }

  run(edge) {
    return this.ward.edges.get(edge)?.status?.run;
  }

  /** How long an alarm stands; null if it began in another run, whose clock is gone. */
  stands(edge, alarm) {
    return this.ago(edge, alarm.onset, alarm.occurrence.replace(/-\d+$/, ""));
  }

  /** How long until a time of the edge's clock. */
  until(edge, monoS) {
    const mono = this.edgeMono(edge);
    return mono === null || monoS === null || monoS === undefined ? null : monoS - mono;
  }

  /** How old the bed's snapshot is, null without one. */
  snapshotAge(bed) {
    if (!bed.snapshot || this.serverS === null) return null;
    return Math.max(0, this.serverS - (bed.taken_at_s ?? -Infinity));
  }

  /** Whether what the bed shows is of now. */
  live(bed) {
    const edge = this.ward.edges.get(bed.edge);
    const age = this.snapshotAge(bed);
    return (
      !this.lost && this.ward.ready && this.ward.broker !== false && edge?.state === "running" && age !== null &&
      bed.snapshot.run === edge.status?.run && age <= bed.snapshot.valid_for_s
    );
  }

  /** Why "no alarm" at this bed is not proved; empty if it is. */
  doubt(bed) {
    if (this.lost) return "page_lost";
    if (!this.ward.ready) return "not_ready";
    if (this.ward.broker === false) return "broker_lost";
    return bed.doubt ?? "no_index";
  }

  /** The therapy, if it is of the edge's current run. */
  therapy(bed) {
    return bed.therapy && bed.therapy.run === this.run(bed.edge) ? bed.therapy : null;
  }

  /** The pauses that still run, with what is left of them. */
  pauses(bed) {
    const found = [];
    for (const pause of this.therapy(bed)?.pauses ?? []) {
      const left = this.until(bed.edge, pause.until_mono_s);
      if (left !== null && left > 0) found.push({ ...pause, left });
    }
    return found;
  }
}

/** A value of the snapshot by its name. */
export const metric = (list, name) => (list ?? []).find((one) => one.name === name) ?? null;

/** The limits in force on one condition, by band. */
export function limitsOf(therapy, condition, channel = null) {
  const found = {};
  const here = (limit) => !channel || !limit.port || (limit.port === channel.port && limit.channel === channel.channel);
  for (const limit of therapy?.limits ?? []) if (limit.condition === condition && here(limit)) found[limit.band] = limit;
  return found;
}

/** The order of a channel. */
export const orderOf = (therapy, channel) =>
  (therapy?.orders ?? []).find((one) => one.port === channel.port && one.channel === channel.channel) ?? null;
