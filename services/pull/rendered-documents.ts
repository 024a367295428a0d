import { LRUCache } from 'lru-cache';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { describePulled, withKeyFileNames, withProfile } from './pulled-document.ts';

/** Most bytes of documents that are remembered: of the profiles that are asked for the most. */
const renderedBytes = 8 * 1024 * 1024;

/** The most recently used documents: many callers get the same bytes. */
export class RenderedDocuments {
  readonly #rendered = new LRUCache<string, Buffer>({
    maxSize: renderedBytes,
    sizeCalculation: ({ length }) => length,
  });

  /** Returns the document of a profile with this content. */
  of(found: PulledProfile, content: Uint8Array): Buffer {
    const pulled = withKeyFileNames(found);
    // It names the digest, and all else that stands in the document.
    const name = JSON.stringify(describePulled(pulled));
    const rendered = this.#rendered.get(name);
    if (rendered !== undefined) return rendered;
    const document = Buffer.from(withProfile(describePulled(pulled), content));
    this.#rendered.set(name, document);
    return document;
  }
}
