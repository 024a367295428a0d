import type { CallOptions, TagLister } from './target.ts';

/** Returns all tags of a repository. Rejects as `tags` does. */
export async function listTags(repository: TagLister, options: CallOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const tag of repository.tags(options)) found.push(tag);
  return found;
}
