// What a clock on the wall means: JavaScript's Date knows UTC and the machine's own zone only.
const DAY = 86_400_000;

/** A name such as Europe/Berlin; no offset, which Intl would take and Scheduler not. */
export function isZone(timeZone: string): boolean {
  try {
    return /^[A-Z]/.test(timeZone) && Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

/** Milliseconds that a zone's clocks are ahead of UTC at an instant. Throws RangeError for no zone. */
function ahead(instant: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const name = format.formatToParts(instant).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign = "+", hours = 0, minutes = 0] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []; // UTC is "GMT" alone
  return Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** The clock's time at an instant, as 2026-11-28T09:00:00. */
export function wall(instant: number, zone: string): string {
  return new Date(instant + ahead(instant, zone)).toISOString().slice(0, 19);
}

/**
 * When the clock of a zone shows this time, in milliseconds: twice the same, or the first and the second time where it
 * is put back. Where it is put forward and skips the time, the first is the later: by the offset before, and after.
 */
export function instants(time: string, zone: string): [number, number] {
  const shown = Date.parse(`${time}Z`);
  const before = shown - ahead(shown - DAY, zone);
  const after = shown - ahead(shown + DAY, zone);
  const real = [before, after].filter((instant) => instant + ahead(instant, zone) === shown);
  return [real.at(0) ?? before, real.at(-1) ?? after];
}

/** The first of these instants with the zone's offset then, as 2026-11-28T09:00:00-05:00. */
export function withOffset(time: string, zone: string): string {
  const [first] = instants(time, zone);
  const minutes = (Date.parse(`${time}Z`) - first) / 60_000;
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((n) => String(n).padStart(2, "0"));
  return `${time}${minutes < 0 ? "-" : "+"}${h}:${m}`;
}
