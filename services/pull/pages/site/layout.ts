import { type Html, html } from '../components/html.ts';
import { publisherText } from '../components/publisher-text.ts';
import { moment } from '../components/words.ts';
import { stylesheet } from '../style/stylesheet.ts';
import type { Page, Section, Site } from './site.ts';

const sections: readonly { section: Section; href: string; label: string }[] = [
  { section: 'catalog', href: '/', label: 'Catalog' },
  { section: 'images', href: '/images', label: 'Images' },
  { section: 'why', href: '/why', label: 'Why refused?' },
  { section: 'playground', href: '/playground', label: 'Playground' },
  { section: 'api', href: '/api', label: 'API' },
];

/** Returns a whole document: a page between header and footer of the site. */
export function layout(site: Site, page: Page, main: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${publisherText(page.title).text} · Fairlead</title>
<link rel="stylesheet" href="${stylesheet.path}">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
${header(page)}
<main id="main" tabindex="-1">${main}</main>
${footer(site)}
</body>
</html>
`;
}

function header({ section: current, ownSearch }: Page): Html {
  const links = sections.map(
    ({ section, href, label }) =>
      html`<li><a href="${href}"${section === current && html` aria-current="page"`}>${label}</a></li>`,
  );
  const search = html`<form class="header-search" action="/" role="search"><label class="hidden" for="header-q">Search profiles</label><input
id="header-q" name="q" type="search" placeholder="Search profiles" maxlength="200"></form>`;
  return html`<header class="site"><div class="wide"><a class="brand" href="/">${brand}<span>Fairlead</span></a>
<nav aria-label="Site"><ul>${links}</ul></nav>${ownSearch !== true && search}</div></header>`;
}

const brand = html`<svg viewBox="0 0 20 16" width="20" height="16" aria-hidden="true"><circle cx="10" cy="8" r="5"/><path d="M1.5 14.5L18.5 1.5"/></svg>`;

function footer({ catalogs, policyRevision, version }: Site): Html {
  const states = catalogs.map(({ reference, built, verified, problem }) => {
    const time = built === undefined ? undefined : moment(built);
    const signature = verified ? 'signature verified' : 'signature not verified';
    return html`<p>Catalog ${reference}${time && html`, built ${time}`}, ${signature}${problem !== undefined && html`; its newest version could not be read: ${publisherText(problem, 600).text}`}.</p> `;
  });
  return html`<footer class="site"><div class="wide"><div>${states}<p>Policy revision <code>${policyRevision.slice(0, 8)}</code>.</p></div>
<ul><li><a href="/api">API reference</a></li><li>Fairlead ${version}</li></ul></div></footer>`;
}

/** The icon in the tab of the browser. */
export const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="none" stroke="#2a9d86" stroke-width="2.2"><circle cx="10" cy="10" r="5.6"/><path d="M1.5 17.5L18.5 2.5"/></svg>`;
