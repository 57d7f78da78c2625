import { computed, reactive, ref } from 'vue'
import { ApiError } from './api.ts'
import { useText } from './i18n/index.ts'
import { signIn } from './session.ts'

/** What console and phone share of signing in; each draws it with its own kit. */
export function useSignIn(onSignedIn: () => void) {
  const { t } = useText()
  const form = reactive({ phone: '', password: '', secondFactor: '' })
  const isSending = ref(false)
  const wasSent = ref(false)
  const needsSecondFactor = ref(false)
  const failure = ref<ApiError | null>(null)

  const digits = computed(() => form.phone.replace(/\D/g, ''))
  const phoneError = computed(() => wasSent.value && digits.value.length !== 11 ? t('session.phoneNeeded') : '')
  const passwordError = computed(() => wasSent.value && form.password === '' ? t('session.passwordNeeded') : '')

  async function submit(): Promise<void> {
    wasSent.value = true
    failure.value = null
    if (phoneError.value !== '' || passwordError.value !== '' || isSending.value)
      return
    isSending.value = true
    try {
      await signIn({ phone: digits.value, password: form.password, ...(needsSecondFactor.value && { secondFactor: form.secondFactor }) })
      onSignedIn()
    }
    catch (error) {
      if (!(error instanceof ApiError))
        throw error
      needsSecondFactor.value ||= error.details.secondFactorRequired === true
      failure.value = error
    }
    finally {
      isSending.value = false
    }
  }

  return { form, isSending, needsSecondFactor, failure, phoneError, passwordError, submit }
}
