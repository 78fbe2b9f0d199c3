"""The tests of edgeLinux, and what runs and measures them."""
