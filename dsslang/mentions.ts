/** Names in the tree, whatever they mean. */

/** Does the name stand anywhere in that part of the tree, but as a member of something else? */
export function mentions(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.some((each) => mentions(each, name));
  const { text, kind } = node as { readonly text?: unknown; readonly kind?: unknown };
  if (text === name && kind === undefined) return true;
  return Object.entries(node).some(([key, each]) => key !== 'member' && key !== 'state' && mentions(each, name));
}
