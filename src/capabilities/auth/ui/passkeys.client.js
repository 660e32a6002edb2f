// Hands the options of the page's form to the browser's authenticators and sends what they answer.
// The only script of the pages; they work without it, except where an authenticator is needed.
(() => {
  const form = document.getElementById("webauthn");
  const source = document.getElementById("webauthn-options");
  const message = document.getElementById("webauthn-error");
  if (!form || !source || !message) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  const withIds = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  function publicKey(json, kind) {
    const common = { ...json, challenge: bytes(json.challenge) };
    if (kind === "get") return { ...common, allowCredentials: withIds(json.allowCredentials) };
    return {
      ...common,
      user: { ...json.user, id: bytes(json.user.id) },
      excludeCredentials: withIds(json.excludeCredentials),
    };
  }

  function answer(credential) {
    const { response } = credential;
    const common = {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
    const clientDataJSON = text(response.clientDataJSON);
    if (response.attestationObject) {
      const transports = response.getTransports?.() ?? [];
      const attestationObject = text(response.attestationObject);
      return { ...common, response: { clientDataJSON, attestationObject, transports } };
    }
    return {
      ...common,
      response: {
        clientDataJSON,
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: response.userHandle ? text(response.userHandle) : undefined,
      },
    };
  }

  let isAsking = false;
  async function ask() {
    if (isAsking) return;
    isAsking = true;
    message.hidden = true;
    try {
      const { kind } = source.dataset;
      const options = { publicKey: publicKey(JSON.parse(source.value), kind) };
      const credential = await navigator.credentials[kind](options);
      form.elements.credential.value = JSON.stringify(answer(credential));
      form.submit();
    } catch (error) {
      // What the browser says is for developers, and the same for several causes.
      message.textContent =
        error.name === "InvalidStateError"
          ? "This authenticator is registered already."
          : "The authenticator was not used. Try again, or use another way.";
      message.hidden = false;
      isAsking = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask();
  });
})();
