/** Sound and vibration of an alert. Browsers allow sound only after a tap: the first one anywhere primes it. */
let context: AudioContext | null = null
let timer: ReturnType<typeof setInterval> | null = null

function prime(): void {
  context ??= typeof AudioContext === 'undefined' ? null : new AudioContext()
  void context?.resume()
}

export function primeAlarmOnFirstTap(): void {
  window.addEventListener('pointerdown', prime, { once: true, passive: true })
}

export const isPrimed = (): boolean => context?.state === 'running'

function beep(): void {
  navigator.vibrate?.([400, 150, 400])
  if (context?.state !== 'running')
    return
  const at = context.currentTime
  for (const [offset, frequency] of [[0, 880], [0.25, 660]] as const) {
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.value = frequency
    volume.gain.setValueAtTime(0.001, at + offset)
    volume.gain.exponentialRampToValueAtTime(0.4, at + offset + 0.03)
    volume.gain.exponentialRampToValueAtTime(0.001, at + offset + 0.22)
    tone.connect(volume).connect(context.destination)
    tone.start(at + offset)
    tone.stop(at + offset + 0.24)
  }
}

/** Rings until `silence`, at most for a minute: then the ladder calls by other ways. */
export function ring(): void {
  silence()
  beep()
  let left = 30
  timer = setInterval(() => {
    beep()
    if (--left === 0)
      silence()
  }, 2_000)
}

export function silence(): void {
  if (timer !== null)
    clearInterval(timer)
  timer = null
  navigator.vibrate?.(0)
}
