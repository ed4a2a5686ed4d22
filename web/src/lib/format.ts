// Numbers and times for people, in the reader's locale. A Formats is made once per page.

export type NumberKind = 'count' | 'money' | 'money-exact' | 'percent' | 'percent-fine' | 'number';

export interface FormatOptions {
  locales: readonly string[];
  currency: string;
  timezone: string;
}

/** Shown where there is no number. */
export const NONE = '–';

export class Formats {
  readonly #locales: string[];
  readonly #zone: string;
  readonly #cache = new Map<string, Intl.NumberFormat>();
  readonly currency: string;

  constructor(options: FormatOptions) {
    this.#locales = supportedLocales(options.locales);
    this.#zone = isZone(options.timezone) ? options.timezone : 'UTC';
    this.currency = isCurrency(options.currency) ? options.currency : '';
  }

  /** A number by its kind; NONE for null. */
  text(value: number | null | undefined, kind: NumberKind): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    switch (kind) {
      case 'count':
        return this.count(value);
      case 'money':
        return this.money(value);
      case 'money-exact':
        return this.moneyExact(value);
      case 'percent':
        return this.percent(value);
      case 'percent-fine':
        return this.percent(value, 1);
      case 'number':
        return this.number(value);
    }
  }

  count(value: number): string {
    return this.#number({ maximumFractionDigits: 0 }).format(value);
  }

  /** At most four significant places after small numbers, none after large ones. */
  number(value: number): string {
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
    return this.#number({ maximumFractionDigits: digits }).format(value);
  }

  /** Without cents from 1,000 on. */
  money(value: number): string {
    return this.#money(value, Math.abs(value) >= 1000 ? 0 : undefined);
  }

  moneyExact(value: number): string {
    return this.#money(value, undefined);
  }

  /** Short, for axes: 12K, 1.5M. */
  compact(value: number, isMoney = false): string {
    const style: Intl.NumberFormatOptions =
      isMoney && this.currency ? { style: 'currency', currency: this.currency } : {};
    const compact: Intl.NumberFormatOptions = {
      ...style,
      notation: 'compact',
      maximumSignificantDigits: 3,
    };
    return this.#number(compact).format(value);
  }

  percent(ratio: number, digits = 0): string {
    return this.#number({
      style: 'percent',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(ratio);
  }

  /** Whole percent, but one decimal where a small share would read as 0 %. */
  share(ratio: number): string {
    return this.percent(ratio, ratio !== 0 && Math.abs(ratio) < 0.0995 ? 1 : 0);
  }

  /** For small cells: whole percent, but not 0 % for what is more than nothing. */
  cell(ratio: number): string {
    return ratio > 0 && ratio < 0.005 ? `<${this.percent(0.01)}` : this.percent(ratio);
  }

  /** A local day: of an instant in the model's zone, or a plain date as it is. */
  date(text: string): string {
    const isPlain = /^\d{4}-\d\d-\d\d$/.test(text);
    return this.#date(isPlain ? `${text}T00:00:00Z` : text, isPlain ? 'UTC' : this.#zone, {
      dateStyle: 'medium',
    });
  }

  dateTime(text: string): string {
    return this.#date(text, this.#zone, { dateStyle: 'long', timeStyle: 'short' });
  }

  /** "2025-03" → "Mar 2025". */
  month(name: string): string {
    return this.#date(`${name}-01T00:00:00Z`, 'UTC', { month: 'short', year: 'numeric' });
  }

  /** Name of a cohort's period: 2025-03, 2025-03-31, 2025-Q1, 2025. */
  period(name: string): string {
    if (/^\d{4}-\d\d$/.test(name)) return this.month(name);
    if (/^\d{4}-\d\d-\d\d$/.test(name)) return this.date(name);
    return name.replace(/^(\d{4})-(Q[1-4])$/, '$2 $1');
  }

  list(items: readonly string[]): string {
    return new Intl.ListFormat('en', { type: 'conjunction' }).format(items);
  }

  compare(a: string, b: string): number {
    return a.localeCompare(b, this.#locales, { numeric: true, sensitivity: 'base' });
  }

  #money(value: number, digits: number | undefined): string {
    const places: Intl.NumberFormatOptions =
      digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits };
    if (this.currency === '')
      return this.#number(digits === undefined ? { maximumFractionDigits: 2 } : places).format(
        value,
      );
    return this.#number({ style: 'currency', currency: this.currency, ...places }).format(value);
  }

  #number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = JSON.stringify(options);
    let format = this.#cache.get(key);
    if (!format) {
      format = new Intl.NumberFormat(this.#locales, options);
      this.#cache.set(key, format);
    }
    return format;
  }

  #date(text: string, zone: string, options: Intl.DateTimeFormatOptions): string {
    const time = new Date(text);
    if (Number.isNaN(time.getTime())) return text;
    return new Intl.DateTimeFormat(this.#locales, { timeZone: zone, ...options }).format(time);
  }
}

/** Those the browser knows, so that numbers and dates agree; en-GB when it knows none. */
export function supportedLocales(wanted: readonly string[]): string[] {
  const known = (check: (tag: string) => string[]) => (tag: string) => {
    try {
      return check(tag).length > 0;
    } catch {
      return false; // not a language tag
    }
  };
  const found = wanted
    .filter(known((tag) => Intl.NumberFormat.supportedLocalesOf(tag)))
    .filter(known((tag) => Intl.DateTimeFormat.supportedLocalesOf(tag)));
  return found.length > 0 ? found : ['en-GB'];
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone !== '';
  } catch {
    return false;
  }
}

function isCurrency(code: string): boolean {
  return /^[A-Z]{3}$/.test(code);
}

/** "1 customer", "2 customers". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}
