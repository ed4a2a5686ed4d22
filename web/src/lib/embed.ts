// How a report's JSON gets into the page. The C side does the same as embed().

/** What stands in the built page where the data go; exactly once. */
export const DATA_MARKER = ['{"krets"', '"data"}'].join(':');

/** Id of the script element that holds the data. */
export const DATA_ELEMENT = 'krets-report';

/** `<` only occurs inside JSON strings, so that \u003c is the same text and no tag can begin. */
export function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

export function embed(page: string, json: string): string {
  return page.replace(DATA_MARKER, () => escapeJson(json));
}
