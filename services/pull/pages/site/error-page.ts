import { STATUS_CODES } from 'node:http';
import type { Problem } from '#lib/http/problem';
import { facts } from '../components/facts.ts';
import { type Html, html } from '../components/html.ts';
import { publisherText } from '../components/publisher-text.ts';
import { layout } from './layout.ts';
import type { Site } from './site.ts';

export interface ErrorPage {
  readonly site: Site;
  readonly problem: Problem;
  /** The path that was asked for, with its query. */
  readonly url: string;
  /** Whether the same request may be repeated by a link. */
  readonly repeatable: boolean;
}

/** A title longer than this is no title. */
const longestTitle = 90;

/** Returns the page for a request that failed: what failed, what still works, and what to do. */
export function errorPage({ site, problem, url, repeatable }: ErrorPage): Html {
  const { status, kind, detail, instance } = problem;
  const title = titleOf(problem, url);
  const again = status >= 500 && repeatable;
  const actions = html`${again && html`<a class="button primary" href="${localPath(url)}">Try again</a>`}<a class="button${!again && ' primary'}"
href="/">Open the catalog</a>`;
  const main = html`<div class="error"><p class="mono">${status} ${nameOf(status, kind)}</p>
<h1>${plain(title)}</h1><p class="lead">${plain(explanation(problem))}</p><p class="actions">${actions}</p>
${facts([
  ['Cause', isNoRoute(problem) || detail.length === title.length ? undefined : plain(detail)],
  ['Request', html`<code>${instance}</code>, also in the log of this service`],
])}</div>`;
  return layout(site, { title: plain(title) }, main);
}

/** Characters of a text in which registries and callers may have a say. */
const longestText = 1000;

/** Returns such a text without control characters and those that change the direction of text. */
function plain(text: string): string {
  return publisherText(text, longestText).text;
}

/** Statuses that HTTP has for requests of their own kind have its words. */
function nameOf(status: number, kind: string): string {
  return status === 405 || status === 415 ? (STATUS_CODES[status] ?? kind) : kind;
}

function titleOf(problem: Problem, url: string): string {
  const { status, kind, detail, title } = problem;
  if (kind === 'Internal') return 'This page could not be made';
  if (isNoRoute(problem)) return `No page at ${url.replace(/\?.*$/s, '').slice(0, longestTitle)}`;
  const [, host] = /https?:\/\/([^/\s"]+)/.exec(detail) ?? [];
  if (status === 503 && host !== undefined) return `${host} does not answer`;
  const [first = title] = detail.split('\n');
  if (first.length > longestTitle) return title;
  // A word of English, not the name of a host or file.
  return first.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
}

function explanation(problem: Problem): string {
  const { status, kind, hint } = problem;
  if (kind === 'Internal')
    return 'The fault is in Fairlead, not in the request. The log of this service has the reason.';
  if (isNoRoute(problem)) return 'The address may be misspelt. The catalog lists all profiles.';
  if (status === 503)
    return 'Pages that need no registry still work, and so do profiles that were verified before, by digest.';
  return hint ?? 'The catalog and all other pages still work.';
}

/** Reports whether no route has the address (refuseUnrouted). */
function isNoRoute({ kind, detail }: Problem): boolean {
  return kind === 'NotFound' && detail.startsWith('resource not found');
}

/** Two slashes at the beginning of a path would name another host. */
function localPath(url: string): string {
  return url.replace(/^[/\\]+/, '/');
}
