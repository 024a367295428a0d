import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import type { Verified } from '../../verified/verifications.ts';
import { callsBar } from '../components/bar.ts';
import { type Html, html } from '../components/html.ts';
import { icon } from '../components/icon.ts';
import { publisher } from '../components/publisher.ts';
import { count, day } from '../components/words.ts';
import { profilePath } from '../site/addresses.ts';
import { type KeyNames, signerLabel } from '../site/signer-label.ts';

/** Images and architectures that a row names. */
const shownImages = 3;
const shownArchitectures = 6;

/** Returns the row of a profile in a list: its newest version. */
export function catalogRow(profile: CatalogProfile, verified: Verified | undefined, keyNames: KeyNames): Html {
  const [newest] = profile.versions;
  const [version] = newest.tags;
  return html`<li class="row"><div><h3><a href="${profilePath(profile)}">${publisher(profile.name)}</a>${version !== undefined && html` <small>${publisher(version)}</small>`}</h3>
${newest.summary !== undefined && html`<p class="summary">${publisher(newest.summary)}</p>`}
<p class="meta">${signer(newest, verified, keyNames)}<span>${directory(profile)}</span>${forImages(newest)}</p></div>
${calls(newest)}
<div class="row-date">${newest.created !== undefined && day(newest.created)}</div></li>`;
}

/** The catalog's word is no verification: only what this site has verified has the mark. */
function signer({ signers }: CatalogEntry, verified: Verified | undefined, keyNames: KeyNames): Html {
  if (verified !== undefined) {
    return html`<span><span class="strict">${icon('verified')}</span>${publisher(verified.signer)}, verified ${day(verified.time)}</span>`;
  }
  const [first] = signers;
  const label = publisher(signerLabel(first, keyNames));
  if (first === undefined) return html`<span class="unsigned">${icon('unsigned')}${label}</span>`;
  const others = signers.length - 1;
  return html`<span>${label}${others > 0 && ` and ${others} more`}</span>`;
}

/** Returns the registry and the repository without the name, which stands above. */
function directory({ registry, repository, name }: CatalogProfile): Html {
  return publisher(`${registry}/${repository}`.slice(0, -name.length - 1));
}

function forImages({ images }: CatalogEntry): Html | false {
  if (images.length === 0) return false;
  const names = images.slice(0, shownImages).map((image, index) => html`${index > 0 && ', '}${publisher(image)}`);
  const others = images.length - shownImages;
  return html`<span>for ${names}${others > 0 && ` and ${count(others)} more`}</span>`;
}

function calls({ kind, calls: counts, architectures }: CatalogEntry): Html {
  const named = architectures.slice(0, shownArchitectures).join(' ');
  const machines =
    architectures.length > 0 && html`<p>${publisher(named)}${architectures.length > shownArchitectures && ' …'}</p>`;
  if (counts === undefined) return html`<div class="row-calls"><p class="kind">${kind}</p>${machines}</div>`;
  const { allowed, baseline, asked } = counts;
  return html`<div class="row-calls"><p class="kind-line"><span class="kind">${kind}</span><span><b>${count(allowed)}</b> of ${count(baseline)}</span></p>
${callsBar(counts)}${asked > 0 && html`<p class="more">asks for ${count(asked)} more</p>`}${machines}</div>`;
}
