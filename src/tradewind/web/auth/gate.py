"""The gate: from a request's headers to the user who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.web.auth.tokens import InvalidTokenError, make_token, read_token
from tradewind.web.auth.users import ANYBODY, ROLES, SimpleUsers, User
from tradewind.web.errors import ApiError

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from tradewind.web.ports import WebPorts


class Gate:
    """Signs users in and knows them again by their tokens."""

    def __init__(self, ports: WebPorts) -> None:
        self._ports = ports
        self.users = SimpleUsers(ports.options.users, ports.passwords_file)

    @property
    def is_open(self) -> bool:
        """Return whether nobody has to sign in."""
        return self._ports.options.all_admins

    def sign_in(self, name: str, password: str) -> str:
        """Return a token; raises `ApiError` 401 for a wrong name or password."""
        user = self.users.check(name, password)
        if user is None:
            raise ApiError(401, "Invalid credentials")
        return self.token_for(user)

    def token_for(self, user: User) -> str:
        """Return a token for a user who is known."""
        ports = self._ports
        claims = {"sub": user.name, "role": user.role}
        return make_token(claims, ports.jwt_secret, ports.clock.now(), ports.options.jwt_expiration_s)

    def user_of(self, headers: Headers, least_role: str | None) -> User:
        """Return who asks. Raises `ApiError` 401 without a valid token, 403 when the user's role is not enough."""
        if self.is_open or least_role is None:
            return ANYBODY
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "Not authenticated")
        try:
            claims = read_token(
                token.strip(), self._ports.jwt_secret, self._ports.clock.now(), self._ports.options.jwt_leeway_s
            )
        except InvalidTokenError as error:
            raise ApiError(401, str(error)) from None
        # The role of the settings counts, not that of the token: taking it away takes effect at once.
        user = self.users.get(str(claims.get("sub")))
        if user is None:
            raise ApiError(401, "the user of the token does not exist any more")
        if ROLES.index(user.role) < ROLES.index(least_role):
            raise ApiError(403, f"Forbidden: this needs the role {least_role}")
        return user
