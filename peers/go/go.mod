module weir.peer

go 1.24
