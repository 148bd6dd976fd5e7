"""The compiler: one GraphQL operation becomes one SQL statement that answers its JSON.

    collect   which fields are selected: fragments, directives, aliases put together
    values    what arguments are given: literals and variables, known or read when it runs
    filters   conditions of filters, as SQL
    emptiness objects of filters that have no condition
    pages     connections: keysets, cursors, counts
    finding   pages of few orders by an index, of many in the order of the list
    compiler  the walk over the selected fields that puts the statement together
    binding   parameters of the statement, and what is wrong with their values
    cursors   where a row is in an order of a list, as text
    forms     how SQL values are written as JSON
    kinds     the types of the schema
    scope     the row that SQL belongs to

`ordering_graphql/README.md` tells how they fit together.
"""
