/** Times and ages for people. No wall clock decides anything: ages come from the server's monotonic clock. */

import { t } from "./words.js";

/** "40 s", "3 min", "1 h 05 min": as short as it can be read from afar. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return t("span.s", { s: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("span.min", { min: minutes });
  return t("span.h", { h: Math.floor(minutes / 60), min: String(minutes % 60).padStart(2, "0") });
}

/** "1:43": a time that runs out. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The time of day of a stamp; doubtful if the edge's clock was not synchronised. */
export function timeOf(stamp, { seconds = false } = {}) {
  const at = new Date(stamp.wall);
  if (Number.isNaN(at.getTime())) return stamp.wall;
  return timeOfDay(at, seconds) + (stamp.synchronised ? "" : "?");
}

export function timeOfDay(date, seconds = false) {
  const two = (number) => String(number).padStart(2, "0");
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}
