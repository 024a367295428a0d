import type { CatalogTotals, SearchResult } from '#lib/catalog/search-query';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import { copyBlock } from '../components/copy-block.ts';
import { type Html, html } from '../components/html.ts';
import { pager } from '../components/pager.ts';
import { replacedNote } from '../components/publisher.ts';
import { count, counted, listed } from '../components/words.ts';
import { layout } from '../site/layout.ts';
import type { KeyNames } from '../site/signer-label.ts';
import type { Site } from '../site/site.ts';
import { catalogFilters, filterTokens } from './catalog-filters.ts';
import { catalogHref, type PageQuery, pageSize } from './catalog-query.ts';
import { catalogRow } from './catalog-row.ts';
import { rail } from './letter-rail.ts';
import type { WayOut } from './ways-out.ts';

export interface CatalogPage {
  readonly site: Site;
  readonly totals: CatalogTotals;
  readonly query: PageQuery;
  readonly result: SearchResult;
  /** Where to go if nothing was found. */
  readonly waysOut: readonly WayOut[];
  readonly verificationOf: VerifiedProfiles['verificationOf'];
  readonly keyNames: KeyNames;
}

const orders: readonly { sort: PageQuery['sort']; head: string; words: string }[] = [
  { sort: 'name', head: 'Name', words: 'by name' },
  { sort: 'calls', head: 'Kind and calls kept', words: 'the fewest calls first' },
  { sort: 'updated', head: 'Updated', words: 'the newest first' },
];

/** Returns the page of the catalog: search, filters, and the profiles that they find. */
export function catalogPage(page: CatalogPage): Html {
  const { site, totals } = page;
  const main = totals.profiles === 0 ? emptyCatalog(site) : profiles(page);
  return layout(site, { title: 'Security profiles', section: 'catalog', ownSearch: true }, main);
}

function profiles(page: CatalogPage): Html {
  const { totals, query, result, keyNames } = page;
  const kinds = listed(totals.kinds.map((kind) => (kind === 'Seccomp' ? 'seccomp' : kind)));
  return html`<h1>Security profiles</h1>
<p class="lead">${count(totals.profiles)} ${kinds} ${totals.profiles === 1 ? 'profile' : 'profiles'} from ${counted(totals.registries, 'registry', 'registries')}. This site
checks a profile against its trust policy when its page is opened.</p>
${searchForm(query)}
<div class="catalog">${catalogFilters(query, result, keyNames)}
<div>${result.total === 0 ? noResult(page) : results(page)}</div></div>`;
}

/** A search keeps the filters and the order. */
function searchForm({ text = '', kind, signer, image, architecture, sort }: PageQuery): Html {
  const kept = { kind, signer, image, arch: architecture, sort: sort === 'name' ? undefined : sort };
  const hidden = Object.entries(kept).map(
    ([name, value]) => value !== undefined && html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form class="search" action="/" role="search"><label class="hidden" for="q">Search profiles</label><input id="q" name="q" type="search"
value="${text}" placeholder="Name, image or signer" maxlength="200">${hidden}<button class="primary">Search</button></form>`;
}

function results({ query, result, verificationOf, keyNames }: CatalogPage): Html {
  const { profiles: shown, total, offset: first, previous, next } = result;
  const rows = shown.map((profile) =>
    catalogRow(profile, verificationOf(profile, profile.versions[0].descriptor.digest), keyNames),
  );
  const order = orders.find(({ sort }) => sort === query.sort)?.words ?? '';
  // A column without a value looks as if something were missing.
  const heads = orders.filter(
    ({ sort }) => sort !== 'updated' || sort === query.sort || shown.some(({ versions: [{ created }] }) => created),
  );
  const at = (after: string | undefined) => (after === undefined ? undefined : catalogHref({ ...query, after }));
  const pages = { total, first, shown: shown.length, order, size: pageSize, previous: at(previous), next: at(next) };
  return html`<div class="results-head"><h2>${counted(total, 'profile')}</h2>${legend(result)}</div>
${filterTokens(query, result, keyNames)}${rail(query, result)}
<div class="heads">${heads.map((head) => sortHead(query, head))}</div>
<ul>${rows}</ul>
${replacedNote(shown.flatMap(({ versions: [{ summary, images }] }) => [summary, ...images]))}
${(previous !== undefined || next !== undefined) && pager(pages)}`;
}

function sortHead(query: PageQuery, { sort, head, words }: (typeof orders)[number]): Html {
  const { after: _, ...others } = query;
  const set = sort === query.sort && html` aria-current="true"`;
  return html`<span><a href="${catalogHref({ ...others, sort })}"${set}>${head}<span class="hidden">: sort ${words}</span></a></span>`;
}

function legend({ profiles: shown }: SearchResult): Html | false {
  const baselines = new Set(shown.flatMap(({ versions: [{ calls }] }) => calls?.baseline ?? []));
  if (baselines.size === 0) return false;
  const [baseline = 0] = baselines;
  const of = baselines.size === 1 ? `the ${count(baseline)}` : 'those';
  return html`<p>Bars: system calls left of ${of} that RuntimeDefault allows</p>`;
}

function noResult({ query, result, waysOut, keyNames }: CatalogPage): Html {
  const ways = waysOut.map(
    ({ label, query: other, total }) =>
      html`<li><a href="${catalogHref(other)}">${label}</a> <small>${counted(total, 'profile')}</small></li>`,
  );
  return html`<div class="results-head"><h2>0 profiles</h2></div>${filterTokens(query, result, keyNames)}
<div class="empty"><h2>No profile matches all of this</h2><p class="lead">The search looks for each word in names, repositories, summaries, images
and signers.</p><ul class="ways">${ways}</ul></div>`;
}

function emptyCatalog({ catalogs }: Site): Html {
  const [catalog = 'registry.example.com/security/catalog:latest'] = catalogs.map(({ reference }) => reference);
  const steps = commands(catalog).map(({ title, text }) => html`<li>${copyBlock({ title, text })}</li>`);
  return html`<h1>Security profiles</h1><div class="empty"><h2>This catalog has no profiles yet</h2>
<p class="lead">These commands publish a profile, build a catalog that names it, and show the catalog here.</p>
<ol class="steps">${steps}</ol></div>`;
}

function commands(catalog: string): { title: string; text: string }[] {
  return [
    {
      title: '1. Publish a profile',
      text: 'fairlead push nginx.json registry.example.com/security/nginx:1.27 --key fairlead.key',
    },
    {
      title: '2. Build the catalog',
      text: `fairlead catalog build ${catalog} --prefix registry.example.com/security/ --key fairlead.key`,
    },
    {
      title: '3. Serve it',
      text: `fairlead serve --pull 127.0.0.1:8081 --policy policy.yaml --catalog ${catalog}`,
    },
  ];
}
