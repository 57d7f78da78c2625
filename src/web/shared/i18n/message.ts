export type Values = Readonly<Record<string, string | number>>

/** One level of `path.to.sentence`: looked up without parsing, and event types keep their dots. */
export function flatten(catalogue: object, prefix = ''): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [key, value] of Object.entries(catalogue)) {
    if (typeof value === 'string')
      flat[prefix + key] = value
    else
      Object.assign(flat, flatten(value as object, `${prefix}${key}.`))
  }
  return flat
}

/** `{name}` is filled from `values`; ` | ` parts singular from plural, chosen by `n`; `figure` writes the numbers. */
export function say(message: string, values: Values, figure: (value: number) => string = String): string {
  const [one, many] = message.split(' | ')
  const variant = many === undefined || values.n === 1 ? one : many
  return (variant ?? '').replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? ''
    return typeof value === 'number' ? figure(value) : value
  })
}
