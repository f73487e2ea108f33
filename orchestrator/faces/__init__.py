"""How the outside reaches the operations: the AWS JSON face, plain routes for people, job files, the command line."""
