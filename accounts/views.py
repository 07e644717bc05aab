"""POST /api/v1/login (API: log in)."""

from django.conf import settings
from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.lockout import SENTENCE, forget_failures
from accounts.models import User
from accounts.serializers import LoginSerializer, SessionSerializer
from accounts.tokens import SharinpixToken


class LoginView(APIView):
    """Exchanges an email and a password for a token. Five failures in a row lock the pair of email and address."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=LoginSerializer, responses={200: SessionSerializer, 401: None})
    def post(self, request: Request) -> Response:
        fields = LoginSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        credentials = fields.validated_data
        user = authenticate(request._request, username=credentials["email"], password=credentials["password"])
        if getattr(request._request, "axes_locked_out", False):
            raise Throttled(detail=SENTENCE)
        if not isinstance(user, User) or not user.organization.is_active:
            raise AuthenticationFailed()
        forget_failures(request._request, credentials["email"])
        endpoint = settings.PUBLIC_URL.partition("://")[2]
        return Response({"token": str(SharinpixToken.for_user(user)), "endpoint": endpoint})
