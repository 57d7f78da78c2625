/// <reference types="vite/client" />

declare module 'virtual:*.css'
declare module 'element-plus/theme-chalk/*.css'
declare module 'vant/es/*.css'

/** Written into the service worker by the build. */
declare const __PRECACHE_FILES__: readonly string[]
declare const __PRECACHE_VERSION__: string
