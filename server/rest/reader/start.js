/** Starts swagger-ui in the page, and gives what it draws the names and the ways by keyboard that it lacks. */
const reader = document.querySelector('#reader')

// A heading of an operation is a button; the link within it would be a second control in the first. Opening one still writes its address.
const OneControl = () => ({
  wrapComponents: {
    DeepLink:
      (Link, { React }) =>
      (props) =>
        React.createElement(Link, { ...props, enabled: false }),
  },
})

function complete() {
  for (const control of reader.querySelectorAll('select:not([aria-label]), textarea:not([aria-label]), input:not([aria-label])')) {
    // A checkbox has its words around it; what is around a select are only its own options.
    if (control.type !== 'checkbox') control.setAttribute('aria-label', nameOf(control))
  }
  for (const opener of reader.querySelectorAll('button.json-schema-2020-12-accordion:not([aria-label])')) {
    if (opener.textContent.trim() === '') opener.setAttribute('aria-label', 'Schema')
  }
  for (const block of reader.querySelectorAll('pre:not([tabindex])')) block.tabIndex = 0
}

function nameOf(control) {
  if (control.id === 'servers') return 'Server'
  const { paramName, propertyName } = control.closest('[data-param-name], [data-property-name]')?.dataset ?? {}
  return paramName ?? propertyName ?? (control.placeholder || 'Request body')
}

new MutationObserver(complete).observe(reader, { childList: true, subtree: true })
globalThis.SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reader', deepLinking: true, tryItOutEnabled: true, validatorUrl: null, plugins: [OneControl] })
