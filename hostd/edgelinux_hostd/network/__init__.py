"""The antlets' network: bblv with its addresses and names, filters, and the host's nftables table."""
