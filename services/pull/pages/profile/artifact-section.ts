import { facts } from '../components/facts.ts';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { count } from '../components/words.ts';
import { profilePath } from '../site/addresses.ts';
import type { ArtifactFacts, ProfileView } from './profile-view.ts';

/** Returns the section with what an artifact is made of. */
export function artifactSection({ address, content }: ProfileView, { digest, layer, type, lint }: ArtifactFacts): Html {
  const document = html`<a href="${profilePath(address, digest)}/-/profile.json">Profile as published (JSON)</a>`;
  const list = facts([
    ['Digest', html`<code>${digest}</code>`],
    ['Layer', html`<code>${layer.digest}</code>, ${publisher(layer.mediaType)}, ${count(layer.size)} bytes`],
    ['Type', html`<code>${publisher(type)}</code>`],
    ['Machines', content?.kind === 'Seccomp' ? publisher(content.machines) : undefined],
    ['Lint', lint],
    ['Content', content?.kind === 'unresolved' ? undefined : document],
  ]);
  return html`<section class="block" id="artifact" aria-labelledby="artifact-title"><h2 id="artifact-title">Artifact</h2>${list}</section>`;
}
