"""The Product Order Open API, quirks included, under `/api/sn_ind_tmt_orm`."""
