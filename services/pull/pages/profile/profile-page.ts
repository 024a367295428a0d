import { basename } from 'node:path';
import { formatReference } from '#lib/registry/reference';
import type { HeldSignature } from '#lib/trust/signature/signature';
import { badge } from '../components/badge.ts';
import { referenceField } from '../components/copy-block.ts';
import { type Html, html } from '../components/html.ts';
import { note } from '../components/note.ts';
import { publisher, replacedNote } from '../components/publisher.ts';
import { layout } from '../site/layout.ts';
import { signerLabel } from '../site/signer-label.ts';
import type { Site } from '../site/site.ts';
import { artifactSection } from './artifact-section.ts';
import { callsSection } from './calls-section.ts';
import { imagesList, othersList, trustPanel } from './profile-aside.ts';
import type { ProfileView } from './profile-view.ts';
import { useSection } from './use-section.ts';
import { versionsSection } from './versions-section.ts';
import { whatItDoes } from './what-it-does.ts';

/** How a verification is called beside the name of a profile. */
const trustBadges = {
  verified: { tone: 'strict', icon: 'verified' },
  notSigned: { tone: 'more', icon: 'unsigned' },
  refused: { tone: 'bad', icon: 'refused' },
  notChecked: { tone: 'neutral', icon: 'unchecked' },
} as const;

/** Returns the page of a profile: what it permits, who vouches for it, and how it is used. */
export function profilePage(site: Site, view: ProfileView): Html {
  const { address, name, version, summary, images, others } = view;
  const sections = sectionsOf(view);
  const links = [...sections, { id: 'trust', title: 'Trust' }].map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  );
  const main = html`${path(view)}
<div class="title"><h1>${publisher(name)} <small>${publisher(version)}</small></h1><p>${view.kind !== undefined && badge('neutral', view.kind)}${trustBadge(view)}</p></div>
${summary !== undefined && html`<p class="publisher-summary">${publisher(summary)}</p>`}
${view.digest !== undefined && referenceField(formatReference({ ...address, digest: view.digest }))}
${replacedNote([summary, name, ...images.map(({ image }) => image)])}
<nav class="sections" aria-label="Sections"><ul>${links}</ul></nav>
<div class="with-aside"><div>${view.content === undefined && contentNote(view)}${sections.map(({ content }) => content)}</div>
<aside>${trustPanel(view)}${imagesList(view)}${othersList(others)}</aside></div>`;
  return layout(site, { title: `${name} ${version}`, section: 'catalog' }, main);
}

function sectionsOf(view: ProfileView): { id: string; title: string; content: Html }[] {
  const { content, digest, kind, artifact } = view;
  return [
    content !== undefined && { id: 'what', title: 'What it does', content: whatItDoes(content) },
    content !== undefined && content.kind !== 'unresolved' && callsSection(content),
    digest !== undefined &&
      kind !== undefined &&
      content !== undefined && { id: 'use', title: 'Use it', content: useSection(view, { digest, kind }) },
    view.versions.length + (view.comparison === undefined ? 0 : 1) > 0 && {
      id: 'versions',
      title: 'Versions',
      content: versionsSection(view),
    },
    artifact !== undefined && { id: 'artifact', title: 'Artifact', content: artifactSection(view, artifact) },
  ].filter((section) => section !== false);
}

/** Returns why the page does not show what the profile permits. */
function contentNote({ trust }: ProfileView): Html {
  if (trust.state === 'refused') {
    const rest = 'This site’s policy does not allow it. Nodes with this policy refuse it, too.';
    return note('bad', { lead: 'What it permits is not shown.', rest });
  }
  const rest =
    'Its registry does not answer, and this site has not verified it before. The names and dates are those of the catalog.';
  return note('neutral', { lead: 'What it permits is not known now.', rest });
}

function path({ address: { registry, repository }, name }: ProfileView): Html {
  const segments = [registry, ...repository.split('/').slice(0, -1)];
  const items = segments.map((segment) => html`<li>${publisher(segment)}<span aria-hidden="true"> /</span></li>`);
  return html`<nav class="path" aria-label="Path of ${name}"><ol>${items}</ol></nav>`;
}

function trustBadge({ trust }: ProfileView): Html {
  const { tone, icon } = trustBadges[trust.state];
  return badge(tone, trustWords(trust), { icon, href: '#trust' });
}

function trustWords(trust: ProfileView['trust']): string | Html {
  switch (trust.state) {
    case 'verified': {
      const [first] = trust.signatures;
      return first === undefined ? 'Verified' : html`<span>Verified: signed by ${publisher(signerName(first))}</span>`;
    }
    case 'notSigned':
      return 'Not signed: the policy requires no signature';
    case 'refused':
      return 'Refused by policy';
    case 'notChecked':
      return 'Could not be checked';
  }
}

/** Returns a signer in a few words: the file of a key, or the repository of a workflow. */
function signerName({ key, certificate }: HeldSignature): string {
  return certificate === undefined ? basename(key) : signerLabel(certificate, new Map());
}
