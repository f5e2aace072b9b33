/** Decimals as text, exactly as they were sent: a dose never goes through binary floating point. */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** @typedef {{negative: boolean, whole: bigint, places: number}} Exact  the number is whole / 10^places */

/** @returns {Exact | null} */
export function exact(text) {
  const found = DECIMAL.exec(text ?? "");
  if (!found) return null;
  const digits = found[3] ?? "";
  let whole = BigInt(found[2] + digits);
  let places = digits.length - Number(found[4] ?? 0);
  if (Math.abs(places) > 60) return null;
  if (places < 0) {
    whole *= 10n ** BigInt(-places);
    places = 0;
  }
  return { negative: found[1] === "-" && whole !== 0n, whole, places };
}

/** Write a decimal with so many places; what is cut off rounds away from zero, or is dropped with `up` false. */
export function rounded(text, places, up = true) {
  const number = exact(text);
  if (!number) return text ?? "";
  let whole = number.whole;
  if (number.places > places) {
    const unit = 10n ** BigInt(number.places - places);
    whole = whole / unit + (up !== number.negative && whole % unit !== 0n ? 1n : 0n);
  } else whole *= 10n ** BigInt(places - number.places);
  return written(number.negative && whole !== 0n, whole, places);
}

/** Write a decimal with so many places at most, the nearest. */
export function nearest(text, places) {
  const number = exact(text);
  if (!number) return text ?? "";
  if (number.places <= places) return written(number.negative, number.whole, number.places);
  const unit = 10n ** BigInt(number.places - places);
  const whole = (number.whole + unit / 2n) / unit;
  return written(number.negative && whole !== 0n, whole, places);
}

/** Write a decimal times `over / under`, the nearest of so many places: a dose in another unit, exactly. */
export function converted(text, [over, under], places) {
  const number = exact(text);
  if (!number) return text ?? "";
  const divisor = under * 10n ** BigInt(number.places);
  const whole = (number.whole * over * 10n ** BigInt(places) * 2n + divisor) / (divisor * 2n);
  return written(number.negative && whole !== 0n, whole, places);
}

/** Write a decimal without zeros at its end. */
export function plain(text) {
  const number = exact(text);
  if (!number) return text ?? "";
  let { whole, places } = number;
  while (places > 0 && whole % 10n === 0n) {
    whole /= 10n;
    places -= 1;
  }
  return written(number.negative, whole, places);
}

function written(negative, whole, places) {
  const digits = whole.toString().padStart(places + 1, "0");
  const point = places ? `.${digits.slice(-places)}` : "";
  return `${negative ? "-" : ""}${digits.slice(0, digits.length - places)}${point}`;
}

/**
 * A dose as its alarm writes it: two places, a small one three digits, never less than it is (H-37). Below 1 a dose in
 * micrograms has three digits too.
 */
export const dose = (text, unit = "mg/kg/h", up = true) => rounded(text, places(text, unit), up);

/** So many places a dose has where people read it. */
export function places(text, unit = "mg/kg/h") {
  const number = exact(text);
  if (!number || number.whole === 0n) return 2;
  const power = number.whole.toString().length - 1 - number.places;
  return power < (unit.startsWith("mg") ? -1 : 0) ? 2 - power : 2;
}

/**
 * Read a number that a person typed, with a comma or a point. A thousands separator is refused, and so is what might
 * be one: "1.000" is one to some and a thousand to others, and a dose must not hang on that.
 * @returns {{value: string} | {error: "empty" | "not_a_number" | "thousands" | "ambiguous"}}
 */
export function typed(text) {
  const told = text.trim();
  if (!told) return { error: "empty" };
  if (/\d[\s'’\u00a0\u202f_]\d/.test(told) || (told.match(/[.,]/g) ?? []).length > 1) return { error: "thousands" };
  const found = /^(\d{1,9})(?:[.,](\d{1,6}))?$/.exec(told);
  if (!found) return { error: "not_a_number" };
  const [, before, after] = found;
  if (after?.length === 3 && /^[1-9]\d{0,2}$/.test(before)) return { error: "ambiguous" };
  const whole = before.replace(/^0+(?=\d)/, "");
  return { value: after ? `${whole}.${after}` : whole };
}
