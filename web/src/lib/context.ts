import { createContext } from 'svelte';
import type { Formats } from './format.ts';

/** The page's number and date formats, for every component below Report.svelte. */
export const [getFormats, setFormats] = createContext<Formats>();
