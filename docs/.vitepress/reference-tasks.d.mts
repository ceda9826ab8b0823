export const tasks: readonly { readonly title: string; readonly about: string; readonly files: readonly string[] }[];
export function taskOf(file: string): string | undefined;
