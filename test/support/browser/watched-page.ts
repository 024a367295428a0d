import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** A page, and what it did that pages of this site never do. */
export interface WatchedPage {
  readonly page: Page;
  /** Requests to other hosts, and what the browser reported, such as a breach of the policy. */
  readonly faults: readonly string[];
}

/** Opens a page whose requests and reports are watched. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const page = await browser.newPage(options);
  const faults: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) faults.push(`requested ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`threw ${error.message}`));
  page.on('dialog', (dialog) => faults.push(`opened a dialog: ${dialog.message()}`));
  page.on('console', (message) => {
    // A page for an error is one.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && response.request().resourceType() !== 'document')
      faults.push(`${response.status()} ${response.url()}`);
  });
  return { page, faults };
}
