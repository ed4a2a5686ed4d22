// Light or dark: the reader's choice, else the system's; paper is always light.
import { flushSync } from 'svelte';
import { PALETTES, paletteCss, type Mode, type Palette } from './palette.ts';

export type ThemeChoice = 'system' | Mode;

const STORED = 'krets-theme';

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(STORED);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system'; // storage is closed to this page
  }
}

class Theme {
  #choice = $state<ThemeChoice>('system');
  #systemDark = $state(false);
  #printing = $state(false);

  readonly mode: Mode = $derived.by(() => {
    if (this.#printing) return 'light';
    if (this.#choice !== 'system') return this.#choice;
    return this.#systemDark ? 'dark' : 'light';
  });

  get choice(): ThemeChoice {
    return this.#choice;
  }

  set choice(value: ThemeChoice) {
    this.#choice = value;
    this.#apply();
    try {
      localStorage.setItem(STORED, value);
    } catch {
      return; // only this visit remembers it
    }
  }

  /** Whether the page is being printed: everything is shown, nothing waits to be scrolled to. */
  get printing(): boolean {
    return this.#printing;
  }

  get palette(): Palette {
    return PALETTES[this.mode];
  }

  /** Once, at the start of a page. */
  start(): void {
    const style = document.createElement('style');
    style.textContent = paletteCss();
    document.head.append(style);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    this.#systemDark = dark.matches;
    dark.addEventListener('change', (event) => (this.#systemDark = event.matches));
    this.#choice = stored();
    this.#apply();
    const print = (on: boolean) => flushSync(() => (this.#printing = on));
    addEventListener('beforeprint', () => print(true));
    addEventListener('afterprint', () => print(false));
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.#choice;
  }
}

export const theme = new Theme();
