# embed_lua(TARGET DIR): compiles every .lua file under DIR into TARGET as
# bytes, with a table of module names (lua/matrix/room.lua is "matrix.room").
# The struct is declared in src/engine/embedded.h.
function(embed_lua target dir)
    set(root ${CMAKE_CURRENT_SOURCE_DIR}/${dir})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/*.lua)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/generated/embedded.c)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DROOT=${root} -DOUT=${out}
                -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_files.cmake
        DEPENDS ${files} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_files.cmake
        COMMENT "Embedding ${dir}/" VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()
