"""*plain*: the same answer as an ordinary team would ship it, on the same rows.

A ModelSerializer, the Cloudinary package for URLs, simplejwt as it comes, Django REST framework's renderer.
"""
