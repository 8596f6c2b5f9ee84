/** The text of an instant, by arithmetic: a `Date` would ask for the node's time zone first, which takes a millisecond. */
const DAY = 86_400_000;
/** Days of 400 years, of 100, of four and of one. */
const [ERA, CENTURY, FOUR, YEAR] = [146_097, 36_524, 1461, 365];
/** From 1 March of the year 0 to 1 January 1970. */
const EPOCH = 719_468;

/** ISO 8601 in UTC with milliseconds, of milliseconds from 1970 to the year 9999. */
export function timestamp(milliseconds: number): string {
  const days = Math.floor(milliseconds / DAY) + EPOCH;
  // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: years begin in March.
  const era = Math.floor(days / ERA);
  const dayOfEra = days - era * ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / (FOUR - 1)) +
      Math.floor(dayOfEra / CENTURY) -
      Math.floor(dayOfEra / (ERA - 1))) /
      YEAR,
  );
  const dayOfYear = dayOfEra - (YEAR * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const time = milliseconds - Math.floor(milliseconds / DAY) * DAY;
  const [hours, minutes, seconds] = [3_600_000, 60_000, 1000].map((unit) => Math.floor(time / unit));
  const two = (value: number | undefined): string => String((value ?? 0) % 60).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hours)}:${two(minutes)}:${two(seconds)}.${String(time % 1000).padStart(3, '0')}Z`;
}
