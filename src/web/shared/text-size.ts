import { readonly, ref } from 'vue'

const KEY = 'pingji-text'
const large = ref(false)

/** 大字版: everything at 150 %. */
export const isLargeText = readonly(large)

function show(isLarge: boolean): void {
  large.value = isLarge
  document.documentElement.dataset.text = isLarge ? 'large' : 'standard'
}

export function restoreTextSize(): void {
  try {
    show(localStorage.getItem(KEY) === 'large')
  }
  catch {
    show(false)
  }
}

export function setLargeText(isLarge: boolean): void {
  show(isLarge)
  try {
    localStorage.setItem(KEY, isLarge ? 'large' : 'standard')
  }
  catch {
    // A private window forgets it; the page does not.
  }
}
