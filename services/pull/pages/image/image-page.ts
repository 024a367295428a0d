import type { CatalogProfile } from '#lib/catalog/entry';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { copyBlock } from '../components/copy-block.ts';
import { facts } from '../components/facts.ts';
import { type Html, html } from '../components/html.ts';
import { icon } from '../components/icon.ts';
import { note } from '../components/note.ts';
import { publisher, reason, replacedNote } from '../components/publisher.ts';
import { count, counted } from '../components/words.ts';
import { profilePath, withQuery } from '../site/addresses.ts';
import { layout } from '../site/layout.ts';
import { type KeyNames, signerLabel } from '../site/signer-label.ts';
import type { Site } from '../site/site.ts';
import type { AttachedProfiles, ImageView } from './image-view.ts';

/** Referrers that may not be used and are named. */
const shownRefused = 20;

/** Returns the page of a container image: the profiles that are for it. */
export function imagePage(site: Site, keyNames: KeyNames, view: ImageView): Html {
  const { image, digest, made, attached } = view;
  const segments = [image.registry, ...image.repository.split('/').slice(0, -1)];
  const path = segments.map((segment) => html`<li>${publisher(segment)}<span aria-hidden="true"> /</span></li>`);
  const name = image.repository.replace(/^.*\//, '');
  const version = image.tag ?? image.digest?.slice(0, 19);
  const texts = made.flatMap(({ versions: [newest] }) => [newest.summary]);
  const summaries =
    'profiles' in attached ? attached.profiles.flatMap((each) => [each.name, each.version, each.summary]) : [];
  const main = html`<nav class="path" aria-label="Path of ${name}"><ol>${path}</ol></nav>
<div class="title"><h1>${name}${version !== undefined && html` <small>${version}</small>`}</h1></div>
<p class="lead">Security profiles for this container image.</p>${replacedNote([...texts, ...summaries])}
<div class="with-aside image"><div>${attachedSection(view)}${madeSection(view, keyNames)}${attachSection(view)}</div>
<aside><section class="aside-list" aria-labelledby="image-title"><h2 id="image-title">Image</h2>${facts([
    ['Digest', digest === undefined ? undefined : html`<code>${digest}</code>`],
    ['Coverage', coverage(view)],
  ])}</section></aside></div>`;
  return layout(site, { title: `Profiles for ${formatReference(image)}`, section: 'images' }, main);
}

function coverage({ made, attached }: ImageView): string {
  const kinds = new Set([
    ...('profiles' in attached ? attached.profiles.map(({ kind }) => kind) : []),
    ...made.map(({ versions: [{ kind }] }) => kind),
  ]);
  const words = (['Seccomp', 'AppArmor'] as const).map((kind) => `${kind}: ${kinds.has(kind) ? 'yes' : 'none'}`);
  return words.join(', ');
}

function attachedSection({ attached }: ImageView): Html {
  return html`<section aria-labelledby="attached-title"><h2 id="attached-title">Attached to it in its registry</h2>
<p class="lead">Nodes find these through the image. Anyone who can write to the repository can attach a profile, so each is listed only if it
meets this site’s policy.</p>${attachedList(attached)}</section>`;
}

function attachedList(attached: AttachedProfiles): Html {
  if ('problem' in attached) return note('neutral', { lead: 'Not looked up.', rest: reason(attached.problem) });
  const { profiles, refused, unexamined } = attached;
  const rows = profiles.map(({ kind, name, version, summary, reference, platform, signer }) => {
    const label = html`${publisher(name ?? kind)} ${publisher(version ?? reference.digest.slice(0, 19))}`;
    const meta = html`<p class="meta"><span><span class="strict">${icon('verified')}</span>${publisher(signer)}</span><span>${kind}</span>${platform !== undefined && html`<span>${platform}</span>`}</p>`;
    return html`<li class="entry"><h3><a href="${profilePath(reference, reference.digest)}">${label}</a></h3>${summary !== undefined && html`<p class="summary">${publisher(summary)}</p>`}${meta}</li>`;
  });
  const hidden = refused
    .slice(0, shownRefused)
    .map(({ digest, why }) => html`<li><code>${digest.slice(0, 19)}</code> ${publisher(why)}</li>`);
  const others = refused.length - shownRefused;
  const list =
    rows.length === 0
      ? html`<p class="none">No profile is attached that this site’s policy allows.</p>`
      : html`<ul class="entries">${rows}</ul>`;
  return html`${list}${
    refused.length > 0 &&
    html`<details class="group refused"><summary><span class="group-name">${counted(refused.length, 'attached artifact')} refused</span></summary><ul>${hidden}${others > 0 && html`<li>and ${count(others)} more</li>`}</ul></details>`
  }${unexamined > 0 && html`<p class="lead">${count(unexamined)} more were not examined.</p>`}`;
}

function madeSection({ made, madeTotal, image }: ImageView, keyNames: KeyNames): Html {
  const rows = made.map((profile) => madeRow(profile, keyNames));
  const all = withQuery('/', { image: formatRepository(image) });
  return html`<section class="block" aria-labelledby="made-title"><h2 id="made-title">Made for it</h2>
<p class="lead">The publishers of these profiles name the image in an annotation. That is their statement, not that of the image’s publisher.</p>${
    rows.length === 0
      ? html`<p class="none">No catalog of this site has a profile for this image.</p>`
      : html`<ul class="entries">${rows}</ul>`
  }${madeTotal > made.length && html`<p><a class="plain" href="${all}">All ${count(madeTotal)} profiles</a></p>`}</section>`;
}

function madeRow(profile: CatalogProfile, keyNames: KeyNames): Html {
  const [{ tags, kind, summary, signers, calls }] = profile.versions;
  const figure = calls === undefined ? kind : `${kind}, ${count(calls.allowed)} of ${count(calls.baseline)} calls`;
  return html`<li class="entry"><h3><a href="${profilePath(profile)}">${publisher(profile.name)}</a> <small>${publisher(tags[0] ?? '')}</small></h3>${
    summary !== undefined && html`<p class="summary">${publisher(summary)}</p>`
  }<p class="meta"><span>${publisher(signerLabel(signers[0], keyNames))}</span><span>${publisher(`${profile.registry}/${profile.repository}`)}</span><span>${figure}</span></p></li>`;
}

function attachSection({ image, digest }: ImageView): Html {
  const pinned =
    digest === undefined ? `${formatRepository(image)}@sha256:DIGEST` : `${formatRepository(image)}@${digest}`;
  const text = `fairlead push profile.json ${formatRepository(image)} --key fairlead.key --subject ${pinned}`;
  return html`<section class="block" aria-labelledby="attach-title"><h2 id="attach-title">Attach a profile</h2>
<p class="lead">For those who may write to the repository of the image.</p>${copyBlock({ title: 'Command line', when: 'publishes the profile beside the image, and signs it', text })}</section>`;
}
