from typing import Any

from rest_framework import serializers


class LoginSerializer(serializers.Serializer[dict[str, Any]]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1_024, trim_whitespace=False)


class SessionSerializer(serializers.Serializer[dict[str, Any]]):
    """A token and where to use it."""

    token = serializers.CharField(help_text="A user token that lives four hours; X-token of each answer renews it.")
    endpoint = serializers.CharField(help_text="host[:port] of this server, without a scheme.")
